import type { Channel } from '../../../channel/channel.ts'
import { shardOf } from '../../../channel/shard.ts'
import { isPabalError, PabalError } from '../../../errors.ts'
import { checkMessage } from '../../../message/limits.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { Outgoing, SendResult } from '../../seam.ts'
import { brief } from '../faults.ts'
import type { Settings } from '../options.ts'
import { unkeyed } from '../topology/names.ts'
import type { Topology } from '../topology/topology.ts'
import { bufferOf, propertiesOf } from '../wire/wire.ts'
import type { Delays } from './delays.ts'
import type { Published, Publisher } from './publisher.ts'

/** How long a transient message without a time to live waits for the broker's word, in milliseconds. */
const transientWithin = 5000

interface Gated {
  go(): void
  failed(error: unknown): void
}

const mostGated = 10_000

/** Who still wants what is sent, and who waits for it. */
export interface Terms {
  /** Asked again before it goes out a second time. */
  readonly wanted?: (() => boolean) | undefined
  /** Nobody waits to hear what becomes of it. */
  readonly unwaited?: boolean | undefined
}

const usual: Terms = {}

/** Turns what is sent into publications: where to, how durable, and what the broker's word means. */
export class Sender {
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #topology: Topology
  readonly #publisher: Publisher
  readonly #passer: Publisher
  readonly #delays: Delays
  /** By channel and shard: what waits until it is known that the queue is there, in order. */
  readonly #gates = new Map<string, Gated[]>()
  readonly #exchanges = new Map<string, string>()
  readonly #keys: readonly string[] = Array.from({ length: 1024 }, (_, n) => String(n))

  constructor(settings: Settings, runtime: Runtime, topology: Topology, publisher: Publisher, passer: Publisher, delays: Delays) {
    this.#settings = settings
    this.#runtime = runtime
    this.#topology = topology
    this.#publisher = publisher
    this.#passer = passer
    this.#delays = delays
  }

  send(batch: readonly Outgoing[], terms: Terms = usual): Promise<readonly SendResult[]> {
    return new Promise((resolve) => {
      const results: SendResult[] = new Array(batch.length)
      let left = batch.length
      if (left === 0) resolve(results)
      for (let index = 0; index < batch.length; index++) {
        const outgoing = batch[index] as Outgoing
        this.#one(outgoing, terms, (result) => {
          results[index] = result
          if (--left === 0) resolve(results)
        })
      }
    })
  }

  #one(outgoing: Outgoing, terms: Terms, done: (result: SendResult) => void): void {
    const { channel, message, durable, notBefore } = outgoing
    const fault = checkMessage(message, this.#settings.maxBytes)
    if (fault !== undefined) return done(fault)
    if (channel.kind === 'inbox') return this.#inbox(outgoing, terms, done)
    if (notBefore !== undefined && !durable)
      return done(
        new PabalError('UNSUPPORTED', `${message.type} is transient and has notBefore: only durable messages can be delayed`, {
          id: message.id,
        }),
      )
    const go = (): void => (durable ? this.#durable(outgoing, terms, done) : this.#transient(outgoing, terms, done))
    // A queue of the transient lane is there while somebody reads it.
    if (!durable && channel.kind === 'point-to-point') return go()
    const shard = durable ? this.#routingKey(message.key) : ''
    const gate = this.#gates.size === 0 ? undefined : this.#gates.get(`${channel.address} ${shard}`)
    const ready = gate === undefined ? this.#topology.ready(channel, shard) : undefined
    if (gate === undefined && ready === undefined) return go()
    if (gate !== undefined && gate.length >= mostGated)
      return done(new PabalError('OVERLOADED', `${gate.length} messages wait until ${channel.address} is there`, { id: message.id }))
    const waiting = { go, failed: (error: unknown) => done(coded(error, message.id)) }
    if (gate !== undefined) gate.push(waiting)
    else this.#wait(`${channel.address} ${shard}`, ready as Promise<void>, waiting)
  }

  #wait(place: string, ready: Promise<void>, first: Gated): void {
    const waiting = [first]
    this.#gates.set(place, waiting)
    ready.then(
      () => {
        this.#gates.delete(place)
        for (const { go } of waiting) go()
      },
      (error: unknown) => {
        this.#gates.delete(place)
        for (const { failed } of waiting) failed(error)
      },
    )
  }

  #exchange(channel: Channel): string {
    let exchange = this.#exchanges.get(channel.address)
    if (exchange === undefined) {
      if (this.#exchanges.size > 10_000) this.#exchanges.clear()
      this.#exchanges.set(channel.address, (exchange = this.#topology.names.exchange(channel)))
    }
    return exchange
  }

  #durable({ channel, message, notBefore }: Outgoing, terms: Terms, done: (result: SendResult) => void, again = true): void {
    const routingKey = this.#routingKey(message.key)
    const wait = notBefore === undefined ? 0 : notBefore - this.#runtime.now()
    if (wait > 0) return this.#delays.send(channel, routingKey, message, notBefore as number, this.#deadline(), terms.wanted, done)
    const direct = channel.kind === 'point-to-point'
    const properties = propertiesOf(message, true)
    if (direct) properties.mandatory = true
    this.#publisher.publish({
      exchange: this.#exchange(channel),
      routingKey,
      content: bufferOf(message.body),
      properties,
      id: message.id,
      deadline: this.#deadline(),
      again: true,
      ...(terms.wanted === undefined ? {} : { wanted: terms.wanted }),
      done: (result) => {
        if (result !== 'unrouted') return done(result)
        // Nobody would ever get it: the queue was taken away. It is made again, once.
        this.#repair(
          channel,
          routingKey,
          message.id,
          again ? () => this.#durable({ channel, message, durable: true }, terms, done, false) : undefined,
          done,
        )
      },
    })
  }

  #repair(channel: Channel, routingKey: string, id: string, retry: (() => void) | undefined, done: (result: SendResult) => void): void {
    if (retry === undefined) return done(new PabalError('SEND_FAILED', `no queue takes messages of ${channel.address}`, { id }))
    this.#topology.repair(channel, routingKey).then(retry, (error: unknown) => done(coded(error, id)))
  }

  #routingKey(key: string | undefined): string {
    return key === undefined ? unkeyed : (this.#keys[shardOf(key, this.#topology.shards)] as string)
  }

  #deadline(): number {
    return this.#runtime.monotonic() + this.#settings.sendWithin
  }

  #transient(outgoing: Outgoing, terms: Terms, done: (result: SendResult) => void): void {
    const { channel } = outgoing
    const { names } = this.#topology
    if (channel.kind === 'point-to-point') this.#passing(outgoing, '', names.transientQueue(channel, ''), terms, done)
    else this.#passing(outgoing, names.transientExchange(channel), '', terms, done)
  }

  #inbox(outgoing: Outgoing, terms: Terms, done: (result: SendResult) => void): void {
    this.#passing(outgoing, '', this.#topology.names.inbox(outgoing.channel.address), terms, done)
  }

  #passing({ message, ttl }: Outgoing, exchange: string, routingKey: string, terms: Terms, done: (result: SendResult) => void): void {
    const properties = propertiesOf(message, false)
    properties.mandatory = true
    if (ttl !== undefined) properties.expiration = String(Math.max(1, Math.ceil(ttl)))
    this.#passer.publish({
      exchange,
      routingKey,
      content: bufferOf(message.body),
      properties,
      id: message.id,
      deadline: this.#runtime.monotonic() + (ttl ?? transientWithin),
      again: false,
      // Who asks waits for the answer.
      lazy: message.kind === 'query' || terms.unwaited === true,
      ...(terms.wanted === undefined ? {} : { wanted: terms.wanted }),
      done: (result: Published) => done(result === 'unrouted' ? 'no-receiver' : result),
    })
  }
}

function coded(error: unknown, id: string): PabalError {
  return isPabalError(error) ? error : new PabalError('SEND_FAILED', brief(error), { id, cause: error })
}
