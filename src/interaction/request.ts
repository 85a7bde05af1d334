import { type ErrorCode, errorTable, PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Outgoing, SendResult } from '../transport/seam.ts'
import { type Dated, nowhere } from './deadlines.ts'
import type { ReplyInbox, Waiting } from './inbox.ts'
import type { Origin } from './origin.ts'
import type { Outbound, Receipt } from './outbound.ts'
import type { Port, SendFields } from './port.ts'
import { errorReplyType } from './reply.ts'

/** What came back: one of the declared replies. */
export interface Answer {
  readonly type: string
  readonly payload: unknown
  /** Whether the contract declares this reply as a failure. */
  readonly failure: boolean
  /** Who answered: the responder's name. */
  readonly from: string
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
}

export interface AskOptions {
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Request/response: sends the message and waits for its reply. A command is durable and its deadline ends only the wait;
 * a query is transient. `wait`: milliseconds until the caller stops waiting. Throws or rejects with `TIMEOUT` or `OUTCOME_UNKNOWN`, `NO_RESPONDER`, `CANCELLED`, `REMOTE_ERROR`,
 * `INVALID_PAYLOAD`, `INVALID_KEY`, `OVERLOADED`, `CLOSED`, or what the transport said.
 */
export function request(
  outbound: Outbound,
  inbox: ReplyInbox,
  port: Port,
  payload: unknown,
  wait: number,
  options: AskOptions,
  origin: Origin,
): Promise<Answer> {
  const { runtime } = outbound
  const within = Math.min(wait, origin.allowance() ?? Number.POSITIVE_INFINITY)
  const now = runtime.now()
  const id = options.id ?? origin.nextId(port.channel, port.data.type, now)
  if (options.signal?.aborted === true) throw cancelled(port, id, false)
  if (within <= 0) throw new PabalError('TIMEOUT', `${port.label}: no time was left to ask; nothing was sent`, { id })
  const address = inbox.address()
  const fields: SendFields = {
    id,
    headers: options.headers,
    key: options.key,
    notBefore: undefined,
    within,
    replyTo: typeof address === 'string' ? address : undefined,
    extensions: undefined,
  }
  // Encoded now, also where the inbox is still being opened: its place among what is sent, and the payload, are those of the call.
  const made = port.make(origin, now, payload, fields, true)
  const deadline = runtime.monotonic() + within
  // Asked again under an id that still waits: the message keeps the id, the replies are told apart. A new id is nobody else's.
  const taken = (options.id !== undefined || origin.cause !== undefined) && inbox.has(id)
  const pending = new PendingRequest(inbox, port, id, taken ? `${id}:${deadline}:${inbox.size}` : id, deadline, within)
  inbox.add(pending)
  if (options.signal !== undefined) pending.listen(options.signal)
  void outbound.send(port.channel, pending.addressed(outbound, made, address, options.id === undefined), pending)
  return pending.answer
}

class PendingRequest implements Waiting, Receipt<void> {
  readonly correlation: string
  deadline: number
  slot = nowhere
  sooner: Dated | undefined = undefined
  later: Dated | undefined = undefined
  readonly #inbox: ReplyInbox
  readonly #port: Port
  readonly #id: string
  readonly #within: number
  readonly answer: Promise<Answer>
  #resolve: ((answer: Answer | Promise<Answer>) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  #signal: AbortSignal | undefined
  #abort: (() => void) | undefined

  constructor(inbox: ReplyInbox, port: Port, id: string, correlation: string, deadline: number, within: number) {
    this.correlation = correlation
    this.#inbox = inbox
    this.#port = port
    this.#id = id
    this.deadline = deadline
    this.#within = within
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** The message with its reply address and correlation, checked; a promise where either is still on its way. */
  addressed(
    outbound: Outbound,
    made: Outgoing | Promise<Outgoing>,
    address: string | Promise<string>,
    ownId: boolean,
  ): Outgoing | Promise<Outgoing> {
    if (!(made instanceof Promise) && typeof address === 'string' && this.correlation === this.#id) {
      const fault = outbound.fault(made, ownId)
      return fault === undefined ? made : Promise.reject(fault)
    }
    return Promise.all([made, address]).then(([outgoing, replyTo]) => {
      const whole: Outgoing = { ...outgoing, message: { ...outgoing.message, replyTo, correlationId: this.correlation } }
      outbound.check(whole)
      return whole
    })
  }

  listen(signal: AbortSignal): void {
    this.#signal = signal
    this.#abort = () => this.#end(cancelled(this.#port, this.#id, true))
    signal.addEventListener('abort', this.#abort, { once: true })
  }

  sent(result: SendResult): void {
    if (result === 'sent') return
    if (result === 'no-receiver')
      this.#end(new PabalError('NO_RESPONDER', `${this.#port.label}: nobody serves "${this.#port.data.service}" now`, { id: this.#id }))
    else this.#end(result)
  }

  refused(error: unknown): void {
    this.#end(error)
  }

  replied(message: Message): void {
    this.#leave()
    try {
      const answer = answerOf(this.#port, message)
      this.#resolve?.(answer)
    } catch (error) {
      this.#reject?.(error)
    }
  }

  expired(): void {
    this.#end(
      this.#port.durable
        ? new PabalError(
            'OUTCOME_UNKNOWN',
            `${this.#port.label}: no reply within ${Math.round(this.#within)} ms; the command is stored and may still be carried out. Its id is ${this.#id}`,
            { id: this.#id },
          )
        : new PabalError('TIMEOUT', `${this.#port.label}: no reply within ${Math.round(this.#within)} ms`, { id: this.#id }),
    )
  }

  closed(): void {
    this.#end(
      new PabalError(
        'CLOSED',
        `${this.#port.label}: the app was closed before a reply came${this.#port.durable ? `; the command may still be carried out. Its id is ${this.#id}` : ''}`,
        { id: this.#id },
      ),
    )
  }

  #end(error: unknown): void {
    this.#leave()
    this.#reject?.(error)
  }

  #leave(): void {
    this.#inbox.remove(this)
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort)
  }
}

/** Reads a reply as its contract declares it. Throws (or rejects) with `REMOTE_ERROR`, `NOT_DECLARED` or `INVALID_MESSAGE`. */
export function answerOf(port: Port, message: Message): Answer | Promise<Answer> {
  const reply = port.replies.get(message.type)
  if (reply === undefined) {
    const { errorcode } = message.extensions
    if (message.type === errorReplyType || errorcode !== undefined) throw remoteError(port, message, errorcode)
    throw new PabalError(
      'NOT_DECLARED',
      `${port.label}: ${message.source} answered with ${JSON.stringify(message.type)}, which the contract does not name; it names ${[...port.replies.keys()].join(', ')}`,
      { id: message.causationId },
    )
  }
  const payload = reply.decode(message)
  if (payload instanceof Promise) return payload.then((value) => answer(message, reply.failure, value))
  return answer(message, reply.failure, payload)
}

function answer(message: Message, failure: boolean, payload: unknown): Answer {
  return { type: message.type, payload, failure, from: message.source, id: message.id, headers: message.headers }
}

/** The code that a responder gave, or `HANDLER_FAILED` where it is not one that this version knows. */
export function remoteCode(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'HANDLER_FAILED'
}

function remoteError(port: Port, message: Message, code: string | undefined): PabalError {
  const id = message.causationId ?? message.correlationId
  const more = port.durable ? '; the command lies in its dead-letter or invalid-message channel' : ''
  return new PabalError(
    'REMOTE_ERROR',
    `${port.label}: ${message.source} could not answer: ${remoteCode(code)}, message ${id}${more}`,
    id === undefined ? {} : { id },
  )
}

function cancelled(port: Port, id: string, sent: boolean): PabalError {
  const rest = !sent
    ? 'nothing was sent'
    : port.durable
      ? `the command is sent and may still be carried out. Its id is ${id}`
      : 'a reply will be dropped'
  return new PabalError('CANCELLED', `${port.label}: the caller's signal was aborted; ${rest}`, { id })
}
