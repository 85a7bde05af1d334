import { PabalError } from '../../errors.ts'
import { checkMessage } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Outgoing, SendResult } from '../seam.ts'
import type { Batch, Waiter } from './batch.ts'
import { codes, KafkaFault, LinkFault } from './codes.ts'
import { putMessage } from './envelope.ts'
import { partitionOf } from './murmur2.ts'
import type { Lane } from './names.ts'
import type { Producer } from './producer.ts'
import type { Topics, Wanted } from './topics.ts'

/** Unkeyed messages go to one partition after the other, some at a time. */
const atATime = 16

/** Turns outgoing messages into records. */
export class Sending {
  readonly #topics: Topics
  readonly #safe: Producer
  readonly #quick: Producer
  readonly #maxBytes: () => number
  #gate: Promise<unknown> | undefined
  #turn = 0

  constructor(topics: Topics, safe: Producer, quick: Producer, maxBytes: () => number) {
    this.#topics = topics
    this.#safe = safe
    this.#quick = quick
    this.#maxBytes = maxBytes
  }

  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const missing = this.#gate === undefined ? this.#missing(batch) : undefined
    if (this.#gate === undefined && missing?.length === 0) return this.#append(batch, undefined)
    // Whoever comes later waits behind it, so that the order of the calls is kept.
    const before = this.#gate ?? Promise.resolve()
    const sent = before.then(async () => {
      const faults = new Map<string, unknown>()
      await Promise.all(this.#missing(batch).map((wanted) => this.#topics.ensure(wanted).catch((error) => faults.set(wanted.name, error))))
      return { result: this.#append(batch, faults) }
    })
    const gate = sent.then(
      () => undefined,
      () => undefined,
    )
    this.#gate = gate
    void gate.then(() => {
      if (this.#gate === gate) this.#gate = undefined
    })
    return sent.then(({ result }) => result)
  }

  #missing(batch: readonly Outgoing[]): Wanted[] {
    let missing: Map<string, Wanted> | undefined
    for (const outgoing of batch) {
      let name: string
      try {
        name = this.#topicOf(outgoing)
      } catch {
        continue
      }
      if (this.#topics.known(name) !== undefined) continue
      missing ??= new Map()
      missing.set(name, { name, kind: outgoing.channel.kind === 'inbox' ? 'inboxes' : laneOf(outgoing) })
    }
    return missing === undefined ? [] : [...missing.values()]
  }

  #topicOf(outgoing: Outgoing): string {
    const { channel } = outgoing
    return channel.kind === 'inbox' ? this.#topics.names.inboxes : this.#topics.names.topic(channel.address, laneOf(outgoing))
  }

  #append(batch: readonly Outgoing[], faults: ReadonlyMap<string, unknown> | undefined): Promise<readonly SendResult[]> {
    return new Promise((resolve) => {
      const call = new Call(batch, resolve)
      for (let index = 0; index < batch.length; index++) {
        const fault = this.#one(batch[index] as Outgoing, call, index, faults)
        if (fault !== undefined) call.settled(index, fault)
      }
    })
  }

  #one(outgoing: Outgoing, call: Call, index: number, faults: ReadonlyMap<string, unknown> | undefined): Error | undefined {
    const { channel, message, durable } = outgoing
    const { id } = message
    if (outgoing.notBefore !== undefined)
      return new PabalError('UNSUPPORTED', `${message.type} has notBefore, which this transport does not declare`, { id })
    const bad = checkMessage(message, this.#maxBytes())
    if (bad !== undefined) return bad
    let topic: string
    try {
      topic = this.#topicOf(outgoing)
    } catch (error) {
      return error as Error
    }
    const there = this.#topics.known(topic)
    if (there === undefined) return (faults?.get(topic) as Error | undefined) ?? new LinkFault(`the topic ${topic} is not known`)
    const inbox = channel.kind === 'inbox'
    const text = inbox ? channel.address : message.key
    const key = text === undefined ? null : Buffer.from(text, 'utf8')
    const partitions = there.leaders.length
    const partition = key === null ? Math.floor(this.#turn++ / atATime) % partitions : partitionOf(key, partitions)
    const producer = durable ? this.#safe : this.#quick
    const size = message.body.byteLength + 1024
    if (!producer.fits(size)) return new PabalError('OVERLOADED', `kafka: too much waits to be sent; ${message.type} was not taken`, { id })
    producer.add(topic, partition, key, message.body, put.bind(message), call, index, size)
    return undefined
  }
}

function put(this: Message, batch: Batch): void {
  putMessage(batch, this)
}

const laneOf = ({ durable, notBefore }: Outgoing): Lane => (notBefore !== undefined ? 'delayed' : durable ? 'durable' : 'transient')

/** One call of `send`: resolves when something was said of each of its messages. */
class Call implements Waiter {
  readonly #batch: readonly Outgoing[]
  readonly #resolve: (results: readonly SendResult[]) => void
  readonly #results: SendResult[]
  #left: number

  constructor(batch: readonly Outgoing[], resolve: (results: readonly SendResult[]) => void) {
    this.#batch = batch
    this.#resolve = resolve
    this.#left = batch.length
    this.#results = new Array(batch.length).fill('sent')
    if (batch.length === 0) resolve([])
  }

  settled(index: number, error: Error | undefined): void {
    if (error !== undefined) this.#results[index] = sendError(error, this.#batch[index] as Outgoing)
    if (--this.#left === 0) this.#resolve(this.#results)
  }
}

function sendError(error: Error, { channel, message }: Outgoing): PabalError {
  const { id, type } = message
  if (error instanceof PabalError) return error.id === undefined ? new PabalError(error.code, error.message, { id, cause: error }) : error
  if (error instanceof KafkaFault && (error.code === codes.MESSAGE_TOO_LARGE || error.code === codes.RECORD_LIST_TOO_LARGE))
    return new PabalError(
      'MESSAGE_TOO_LARGE',
      `${type}: the topic of ${channel.address} takes no batch as large as its: ${error.message}`,
      { id },
    )
  return new PabalError('SEND_FAILED', `${type} to ${channel.address}: ${error.message}`, { id, cause: error })
}
