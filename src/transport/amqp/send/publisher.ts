import { PabalError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel, AmqpConfirmChannel, AmqpConnection, AmqpMessage } from '../driver.ts'
import { brief, replyCode } from '../faults.ts'
import type { Link, LinkUser } from '../link/link.ts'
import type { Properties } from '../wire/frames.ts'
import { pass, publish } from '../wire/outflow.ts'

/** `unrouted`: no queue takes it, known where `mandatory`. */
export type Published = 'sent' | 'unrouted' | PabalError

/** One message on its way to the broker. */
export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly properties: Properties
  readonly id: string
  /** On the monotonic clock. */
  readonly deadline: number
  /** Sent again where it is not known whether the broker got it. */
  readonly again: boolean
  /** Nobody waits to hear that it is sent. */
  readonly lazy?: boolean | undefined
  /** False: nobody wants it sent any more. */
  wanted?(): boolean
  done(result: Published): void
}

interface Flight {
  readonly publication: Publication
  readonly channel: AmqpChannel | AmqpConfirmChannel
  readonly number: number
  unrouted: boolean
  over: boolean
}

/** `confirms`: of each message by itself. `questions`: the broker is asked from time to time, and answers behind what it has. */
export type Certainty = 'confirms' | 'questions'

/** How long after a message that nobody waits for the broker is asked, in milliseconds. */
const lazily = 5
const maxUnderWay = 4000
const maxUnderWayBytes = 32 * 1024 * 1024
const maxWaiting = 100_000
const maxWaitingBytes = 256 * 1024 * 1024

/**
 * Publishes in order; that the broker has a message is not waited for one by one. What is under way and what waits for a broker is bounded;
 * what was not confirmed when a connection broke goes out again first. Confirms cost more than one question about many messages, so those
 * that nobody keeps are asked about.
 */
export class Publisher implements LinkUser {
  readonly #link: Link
  readonly #runtime: Runtime
  readonly #gone: (exchange: string) => void
  readonly #certainty: Certainty
  #channel: AmqpChannel | AmqpConfirmChannel | undefined
  #count = 0
  /** When the broker is asked, and whether that is soon; no timer while it is being asked. */
  #asking: { readonly soon: boolean; readonly timer: { cancel(): void } | undefined } | undefined
  #waiting: Publication[] = []
  #waitingBytes = 0
  readonly #flights = new Set<Flight>()
  #bytes = 0
  #sweep: { cancel(): void } | undefined
  #idle: (() => void)[] = []

  /** `gone` is told of an exchange that is not there although it was. */
  constructor(link: Link, runtime: Runtime, certainty: Certainty, gone: (exchange: string) => void) {
    this.#certainty = certainty
    this.#link = link
    this.#runtime = runtime
    this.#gone = gone
  }

  async up(connection: AmqpConnection): Promise<void> {
    const channel = await (this.#certainty === 'confirms' ? connection.createConfirmChannel() : connection.createChannel())
    let reason: unknown
    channel.on('error', (error: unknown) => {
      reason = error
    })
    channel.on('close', () => this.#cut(channel, connection, reason))
    channel.on('return', (message: AmqpMessage) => this.#returned(message))
    this.#channel = channel
    this.#flush()
  }

  down(): void {
    const channel = this.#channel
    if (channel !== undefined) this.#cut(channel, undefined, undefined)
  }

  publish(publication: Publication): void {
    if (this.#waiting.length === 0 && this.#channel !== undefined && this.#hasRoom(publication)) {
      this.#write(publication)
      return
    }
    const bytes = publication.content.length
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes) {
      const text = `${this.#waiting.length} messages with ${this.#waitingBytes} bytes wait for the broker, which is the most`
      publication.done(new PabalError('OVERLOADED', text, { id: publication.id }))
      return
    }
    if (!publication.again && this.#link.trouble !== undefined) {
      publication.done(new PabalError('SEND_FAILED', `not sent: ${this.#link.trouble}`, { id: publication.id }))
      return
    }
    this.#waiting.push(publication)
    this.#waitingBytes += bytes
    this.#watch()
  }

  /** Resolves when nothing waits and nothing is unconfirmed. */
  flushed(): Promise<void> {
    if (this.#flights.size === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #hasRoom({ content }: Publication): boolean {
    return this.#flights.size === 0 || (this.#flights.size < maxUnderWay && this.#bytes + content.length <= maxUnderWayBytes)
  }

  #write(publication: Publication): void {
    const channel = this.#channel as AmqpChannel | AmqpConfirmChannel
    const flight: Flight = { publication, channel, number: ++this.#count, unrouted: false, over: false }
    const { exchange, routingKey, content, properties } = publication
    this.#flights.add(flight)
    this.#bytes += content.length
    this.#watch()
    try {
      if (this.#certainty === 'confirms')
        publish(channel as AmqpConfirmChannel, exchange, routingKey, content, properties, (error) => this.#confirmed(flight, error))
      else {
        pass(channel as AmqpChannel, exchange, routingKey, content, properties)
        this.#ask(channel as AmqpChannel, publication.lazy !== true)
      }
    } catch (cause) {
      // The connection is closing: what is told next tells of it too. Or a property that cannot be encoded.
      if (this.#channel === channel && !/clos/i.test((cause as Error).message)) {
        this.#end(flight, new PabalError('SEND_FAILED', brief(cause), { cause, id: publication.id }))
      }
    }
  }

  #confirmed(flight: Flight, error: unknown): void {
    // A channel that closed tells all of its messages so; they are dealt with together.
    if (flight.over || this.#channel !== flight.channel || (error && (error as Error).message === 'channel closed')) return
    if (error) {
      const refused = `the broker refused the message (${brief(error)}): a queue is full or not available`
      this.#end(flight, new PabalError('SEND_FAILED', refused, { id: flight.publication.id }))
    } else this.#end(flight, flight.unrouted ? 'unrouted' : 'sent')
    if (this.#waiting.length > 0) this.#flush()
  }

  /** Asks the broker at the end of this turn, or a little later; behind the question that is under way. */
  #ask(channel: AmqpChannel, soon: boolean): void {
    const planned = this.#asking
    if (planned !== undefined) {
      if (planned.soon || !soon) return
      planned.timer?.cancel()
    }
    const timer = this.#runtime.timer(
      soon ? 0 : lazily,
      () => {
        // Soon: whatever comes meanwhile waits for the answer.
        this.#asking = { soon: true, timer: undefined }
        const last = this.#count
        // It does nothing on a channel that consumes nothing.
        channel.prefetch(0).then(
          () => this.#answered(channel, last),
          () => undefined,
        )
      },
      !soon,
    )
    this.#asking = { soon, timer }
  }

  /** The broker has all up to the `last` one. */
  #answered(channel: AmqpChannel, last: number): void {
    if (this.#channel !== channel) return
    this.#asking = undefined
    let soon = false
    for (const flight of this.#flights) {
      if (flight.number <= last) this.#end(flight, 'sent')
      else if (flight.publication.lazy !== true) soon = true
    }
    if (this.#flights.size > 0) this.#ask(channel, soon)
    if (this.#waiting.length > 0) this.#flush()
  }

  /** Comes before the confirm of the message, in the order of publishing. */
  #returned({ fields, properties }: AmqpMessage): void {
    for (const flight of this.#flights) {
      const { publication } = flight
      if (flight.unrouted || publication.routingKey !== fields.routingKey || publication.exchange !== fields.exchange) continue
      if (!publication.properties.mandatory || publication.properties.messageId !== properties.messageId) continue
      flight.unrouted = true
      if (this.#certainty === 'questions') this.#end(flight, 'unrouted')
      return
    }
  }

  #end(flight: Flight, result: Published): void {
    if (flight.over) return
    flight.over = true
    this.#flights.delete(flight)
    this.#bytes -= flight.publication.content.length
    flight.publication.done(result)
    this.#told()
  }

  #told(): void {
    if (this.#idle.length > 0 && this.#flights.size === 0 && this.#waiting.length === 0)
      for (const resolve of this.#idle.splice(0)) resolve()
  }

  #flush(): void {
    let sent = 0
    for (const publication of this.#waiting) {
      if (this.#channel === undefined || !this.#hasRoom(publication)) break
      sent++
      this.#waitingBytes -= publication.content.length
      if (publication.wanted?.() === false) publication.done(this.#unwanted(publication))
      else this.#write(publication)
    }
    if (sent > 0) this.#waiting.splice(0, sent)
    this.#told()
  }

  #unwanted({ id }: Publication): PabalError {
    return new PabalError('FENCED', 'not sent: the shard whose delivery sent it went to another consumer', { id })
  }

  /** The channel is gone: alone, because the broker did not like something, or with its connection. */
  #cut(channel: AmqpChannel | AmqpConfirmChannel, connection: AmqpConnection | undefined, reason: unknown): void {
    if (this.#channel !== channel) return
    this.#channel = undefined
    this.#asking?.timer?.cancel()
    this.#asking = undefined
    const guilty = connection === undefined ? undefined : culprit(reason)
    const back: Publication[] = []
    for (const flight of [...this.#flights]) {
      const { publication } = flight
      this.#flights.delete(flight)
      this.#bytes -= publication.content.length
      flight.over = true
      if (guilty?.(publication)) publication.done(refusal(reason, publication))
      else if (publication.wanted?.() === false) publication.done(this.#unwanted(publication))
      else if (publication.again) back.push(publication)
      else publication.done(new PabalError('SEND_FAILED', 'the connection broke before the broker had it', { id: publication.id }))
    }
    this.#waiting = back.concat(this.#waiting)
    for (const { content } of back) this.#waitingBytes += content.length
    this.#told()
    if (connection === undefined) return
    const exchange = /exchange '([^']+)'/.exec(String(reason))?.[1]
    if (replyCode(reason) === 404 && exchange !== undefined) this.#gone(exchange)
    void this.#link.again(this, connection)
  }

  #watch(): void {
    this.#sweep ??= this.#runtime.timer(250, () => this.#expire(), true)
  }

  #expire(): void {
    this.#sweep = undefined
    const now = this.#runtime.monotonic()
    if (this.#waiting.some(({ deadline }) => deadline <= now)) {
      const waiting = this.#waiting
      this.#waiting = []
      this.#waitingBytes = 0
      for (const publication of waiting) {
        if (publication.deadline > now) {
          this.#waiting.push(publication)
          this.#waitingBytes += publication.content.length
        } else publication.done(this.#late(publication, 'it was not sent'))
      }
    }
    for (const flight of this.#flights) {
      if (flight.publication.deadline > now) continue
      // It stays counted until the broker says something: it still takes room.
      flight.publication.done(this.#late(flight.publication, 'the broker did not confirm it; it may be stored all the same'))
      flight.over = true
      this.#flights.delete(flight)
      this.#bytes -= flight.publication.content.length
    }
    this.#told()
    if (this.#flights.size > 0 || this.#waiting.length > 0) this.#watch()
  }

  #late({ id }: Publication, what: string): PabalError {
    const { blocked, trouble } = this.#link
    if (blocked !== undefined) return new PabalError('BROKER_BLOCKED', `the broker takes no messages: ${blocked}; ${what}`, { id })
    return new PabalError('SEND_FAILED', `${trouble ?? 'the deadline passed'}: ${what}`, { id })
  }

  /** Nothing more is waited for. */
  close(): void {
    this.#sweep?.cancel()
    this.#asking?.timer?.cancel()
    const error = (id: string): PabalError =>
      new PabalError('CLOSED', 'the connection was closed before the broker confirmed the message', { id })
    for (const flight of [...this.#flights]) this.#end(flight, error(flight.publication.id))
    for (const publication of this.#waiting.splice(0)) publication.done(error(publication.id))
    this.#told()
  }
}

/** Which messages the broker closed the channel for; undefined where that is not known, and all go out again. */
function culprit(reason: unknown): ((publication: Publication) => boolean) | undefined {
  const text = String(reason)
  const size = /message size (\d+)/.exec(text)
  if (size !== null) return ({ content }) => content.length === Number(size[1])
  const exchange = /exchange '([^']*)'/.exec(text)
  if (exchange !== null) return (publication) => publication.exchange === exchange[1]
  // Nothing says which one it was: trying all again could go on for ever.
  return reason === undefined ? undefined : () => true
}

function refusal(reason: unknown, { id }: Publication): PabalError {
  const text = brief(reason)
  if (/message size/.test(text)) return new PabalError('MESSAGE_TOO_LARGE', `the broker refuses the message: ${text}`, { id })
  if (replyCode(reason) === 403) return new PabalError('ACCESS_REFUSED', `the broker refuses the message: ${text}`, { id })
  return new PabalError('SEND_FAILED', `the broker refuses the message: ${text}`, { id, cause: reason })
}
