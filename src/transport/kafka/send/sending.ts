import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'
import { checkMessage } from '../../../message/limits.ts'
import type { Message } from '../../../message/message.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import type { Outgoing, SendResult } from '../../seam.ts'
import type { Batch, Waiter } from '../protocol/batch.ts'
import { codes, KafkaFault, LinkFault } from '../protocol/codes.ts'
import { own, putMessage } from '../protocol/envelope.ts'
import { partitionOf } from '../protocol/murmur2.ts'
import type { Lane } from '../topics/names.ts'
import type { Topics, Wanted } from '../topics/topics.ts'
import type { Producer } from './producer.ts'

/** Unkeyed messages go to one partition after the other, some at a time. */
const atATime = 16

/** Turns outgoing messages into records. */
export class Sending {
  readonly #topics: Topics
  readonly #safe: Producer
  readonly #quick: Producer
  readonly #maxBytes: () => number
  /** Told of each channel to which something delayed was sent. */
  readonly #delayed: (address: string) => void
  #gate: Promise<unknown> | undefined
  #turn = 0

  constructor(topics: Topics, safe: Producer, quick: Producer, maxBytes: () => number, delayed: (address: string) => void) {
    this.#topics = topics
    this.#safe = safe
    this.#quick = quick
    this.#maxBytes = maxBytes
    this.#delayed = delayed
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
      for (const lane of lanesOf(outgoing)) {
        let name: string
        try {
          name = this.#topicOf(outgoing.channel, lane)
        } catch {
          continue
        }
        if (this.#topics.known(name) !== undefined) continue
        missing ??= new Map()
        missing.set(name, { name, kind: outgoing.channel.kind === 'inbox' ? 'inboxes' : lane })
      }
    }
    return missing === undefined ? [] : [...missing.values()]
  }

  #topicOf(channel: Channel, lane: Lane): string {
    return channel.kind === 'inbox' ? this.#topics.names.inboxes : this.#topics.names.topic(channel.address, lane)
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
    const bad = checkMessage(message, this.#maxBytes())
    if (bad !== undefined) return bad
    const lane = laneOf(outgoing)
    let topic: string
    try {
      topic = this.#topicOf(channel, lane)
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
    if (lane === 'delayed' && !inbox) {
      const due = String(outgoing.notBefore)
      const putDue = (to: Batch): void => {
        putMessage(to, message)
        to.header(own.due, due)
      }
      // A key of its own: compaction keeps one record of each.
      producer.add(topic, partition, Buffer.from(systemRuntime.id()), message.body, putDue, call, index, size)
      this.#delayed(channel.address)
      return undefined
    }
    producer.add(topic, partition, key, message.body, put.bind(message), call, index, size)
    return undefined
  }
}

function put(this: Message, batch: Batch): void {
  putMessage(batch, this)
}

const durableLane: readonly Lane[] = ['durable']
const transientLane: readonly Lane[] = ['transient']
const delayedLanes: readonly Lane[] = ['delayed', 'durable']

/** Every topic that it may go to: what is delayed now may be due when its topic is there. */
function lanesOf({ durable, notBefore }: Outgoing): readonly Lane[] {
  if (!durable) return transientLane
  return notBefore === undefined ? durableLane : delayedLanes
}

/** What is due already goes its ordinary way. */
function laneOf({ durable, notBefore }: Outgoing): Lane {
  if (!durable) return 'transient'
  return notBefore !== undefined && notBefore > systemRuntime.now() ? 'delayed' : 'durable'
}

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
