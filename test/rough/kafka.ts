import { Admin, Consumer, Producer } from '@platformatic/kafka'
import type { Channel } from '../../src/channel/channel.ts'
import { shardOf } from '../../src/channel/shard.ts'
import { PabalError } from '../../src/errors.ts'
import { checkMessage } from '../../src/message/limits.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type {
  Inbox,
  Outgoing,
  Receive,
  SendResult,
  StateListener,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../../src/transport/seam.ts'
import { ephemeral } from '../../src/transport/shared/ephemeral.ts'
import { TransientReceiver } from '../../src/transport/shared/transient.ts'
import { GroupMember, sessionTimeout, shards } from './kafka-group.ts'
import { Fetcher } from './kafka-log.ts'
import { pack, unpack } from './wire.ts'

const token = (text: string): string => Buffer.from(text).toString('hex')
/** The broker's own limit is 1 MiB for a batch; the frame and a park note take room too. */
const maxBytes = 950_000

interface Produced {
  readonly topic: string
  readonly partition: number
  readonly key: Buffer
  readonly value: Buffer
}

interface Waiting {
  readonly messages: readonly Produced[]
  resolve(): void
  reject(error: unknown): void
}

/** A rough Kafka adapter: it judges the seam, it is not shipped. See docs/explanation/seam-on-brokers.md. */
export class RoughKafka implements Transport {
  readonly name = 'kafka (rough)'
  readonly #brokers: string[]
  readonly #prefix: string
  readonly #producer: Producer
  readonly #admin: Admin
  readonly #subscriptions = new Set<{ close(): Promise<void> }>()
  readonly #topics = new Map<string, Promise<void>>()
  #waiting: Waiting[] = []
  #producing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(broker: string, prefix: string) {
    this.#brokers = [broker]
    this.#prefix = prefix
    const base = { clientId: 'rough', bootstrapBrokers: this.#brokers }
    // Idempotent: otherwise the client sends a whole batch again after a part of it failed.
    this.#producer = new Producer({ ...base, idempotent: true } as never)
    this.#admin = new Admin(base)
  }

  async open(listener: StateListener): Promise<Capabilities> {
    await this.#admin.metadata({ topics: [] })
    listener({ ready: true })
    return {
      survives: 'broker',
      ordersByKey: true,
      durableGroups: true,
      replays: false,
      delays: false,
      countsLosses: false,
      atomicEmit: false,
      detectsNoReceiver: false,
      knowsReceivers: false,
      fences: true,
      parks: true,
      maxBytes,
      takeover: { killed: sessionTimeout * 2, frozen: sessionTimeout * 2 },
    }
  }

  #topic(lane: 'd' | 't' | 'p' | 'i', ...names: string[]): string {
    return [this.#prefix, lane, ...names.map(token)].join('.')
  }

  #ensure(topic: string): Promise<void> {
    let made = this.#topics.get(topic)
    if (made === undefined) {
      made = this.#make(topic)
      this.#topics.set(topic, made)
      made.catch(() => this.#topics.delete(topic))
    }
    return made
  }

  async #make(topic: string): Promise<void> {
    await this.#admin.createTopics({ topics: [topic], partitions: shards, replicas: 1 }).catch((error: unknown) => {
      if (!/already exists|TOPIC_ALREADY_EXISTS/i.test(textOf(error))) throw error
    })
    // A topic that was made is not known at once, not even to the broker that made it.
    for (let tries = 1; ; tries++) {
      const known = await this.#admin.metadata({ topics: [topic], forceUpdate: true }).catch((error: unknown) => {
        if (tries === 100) throw error
      })
      const partitions = Object.values(known?.topics.get(topic)?.partitions ?? [])
      // Nor do its leaders know at once that they lead.
      if (partitions.length === shards && partitions.every(({ leader }) => leader >= 0) && (await this.#leads(topic))) return
      await new Promise<void>((resolve) => void systemRuntime.timer(30, resolve))
    }
  }

  #leads(topic: string): Promise<boolean> {
    const partitions = Array.from({ length: shards }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    return this.#admin.listOffsets({ topics: [{ name: topic, partitions }] }).then(
      () => true,
      () => false,
    )
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    this.#mustBeOpen()
    const existing = mode === 'check' ? await this.#admin.listTopics() : []
    for (const channel of channels) {
      const topic = this.#topic('d', channel.address)
      if (mode === 'create') await this.#ensure(topic)
      else if (!existing.includes(topic))
        throw new PabalError('INVALID_CONFIGURATION', `the topic of ${channel.address} is missing: provision with 'create'`)
    }
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    if (this.#closing) return batch.map(({ message }) => this.#closed(message.id))
    return this.#dispatch(batch)
  }

  /** Also what settlements emit while the transport closes. */
  async #dispatch(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const results: SendResult[] = batch.map(({ message, notBefore }) => {
      const { id, type } = message
      if (notBefore !== undefined) return new PabalError('UNSUPPORTED', `${type} has notBefore; Kafka cannot delay messages`, { id })
      return checkMessage(message, maxBytes) ?? 'sent'
    })
    const good = batch.filter((_, index) => results[index] === 'sent')
    const messages = good.map(({ channel, message, durable }) => {
      const inbox = channel.kind === 'inbox'
      const key = inbox ? channel.address : (message.key ?? message.id)
      const topic = inbox ? this.#topic('i') : this.#topic(durable ? 'd' : 't', channel.address)
      return { topic, partition: shardOf(key, shards), key: Buffer.from(key), value: pack(message) }
    })
    try {
      await this.#produce(messages)
      return results
    } catch (cause) {
      return results.map((result, index) =>
        result === 'sent' ? new PabalError('SEND_FAILED', (cause as Error).message, { cause, id: batch[index]?.message.id ?? '' }) : result,
      )
    }
  }

  /** One request at a time, with all that came meanwhile: order is kept, and load makes batches. */
  #produce(messages: readonly Produced[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, resolve, reject })
      this.#producing ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    await undefined
    while (this.#waiting.length > 0) {
      const batch: Waiting[] = []
      let bytes = 0
      for (const one of this.#waiting) {
        const size = one.messages.reduce((sum, { value }) => sum + value.length + 200, 0)
        if (batch.length > 0 && bytes + size > 900_000) break
        bytes += size
        batch.push(one)
      }
      this.#waiting.splice(0, batch.length)
      const messages = batch.flatMap((one) => one.messages)
      try {
        await Promise.all([...new Set(messages.map(({ topic }) => topic))].map((topic) => this.#ensure(topic)))
        await this.#producer.send({ messages })
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#producing = undefined
  }

  #consumer = (groupId: string): Consumer =>
    new Consumer({
      clientId: 'rough',
      bootstrapBrokers: this.#brokers,
      groupId,
      sessionTimeout,
      heartbeatInterval: 500,
      rebalanceTimeout: 30_000,
      retries: 0,
      autocommit: false,
    } as never)

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    this.#mustBeOpen()
    const address = `inbox.${owner.replace(/[^\w.:@/+=~-]/g, '_')}.${systemRuntime.id()}`
    const topic = this.#topic('i')
    await this.#ensure(topic)
    const fetcher = new Fetcher(this.#consumer(`~${address}`), topic)
    const partition = shardOf(address, shards)
    const from = (await fetcher.ends(shards))[partition] ?? 0
    const receiver = new TransientReceiver(
      { maxMessages: 100_000, maxBytes: 1e9 },
      receive,
      (batch) => this.#dispatch(batch),
      () => undefined,
    )
    void (async () => {
      for await (const { key, value } of fetcher.raw(partition, from)) if (key === address) receiver.take(unpack(value))
    })()
    const close = async (): Promise<void> => {
      receiver.stop()
      await fetcher.close()
    }
    this.#subscriptions.add({ close })
    return { address, close }
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    this.#mustBeOpen()
    const group = channel.kind === 'point-to-point' ? 'owner' : options.group
    const topic = this.#topic(options.durable ? 'd' : 't', channel.address)
    await this.#ensure(topic)
    const sender = { send: (batch: readonly Outgoing[]) => this.#dispatch(batch) }
    if (group === undefined) return this.#keep(await this.#ephemeral(topic, options, receive, sender))
    const groupId = `${topic}.${token(group)}`
    const parks = options.durable ? { parks: this.#topic('p', channel.address, group) } : {}
    if (options.durable) await this.#ensure(this.#topic('p', channel.address, group))
    if (!options.durable || channel.kind === 'publish-subscribe') await this.#begin(topic, groupId)
    const produce = (to: string, partition: number, key: string, value: Buffer) =>
      this.#produce([{ topic: to, partition, key: Buffer.from(key), value }])
    const member = new GroupMember({ topic, groupId, ...parks, consumer: this.#consumer, produce }, options, receive, sender)
    this.#keep(member)
    await member.start()
    return member
  }

  /** A new group begins with what is published from now on. Refused where it has members, who have done it before. */
  async #begin(topic: string, groupId: string): Promise<void> {
    const fetcher = new Fetcher(this.#consumer(groupId), topic)
    try {
      const consumer = this.#consumer(groupId)
      const known = (await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] })).get(topic)?.[0] ?? -1n
      await Promise.resolve(consumer.close(true)).catch(() => undefined)
      if (known >= 0n) return
      const partitionOffsets = (await fetcher.ends(shards)).map((end, partition) => ({ partition, offset: BigInt(end) }))
      await this.#admin.alterConsumerGroupOffsets({ groupId, topics: [{ name: topic, partitionOffsets }] })
    } catch (error) {
      if (!/UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|REBALANCE_IN_PROGRESS/.test(textOf(error))) throw error
    } finally {
      await fetcher.close()
    }
  }

  async #ephemeral(topic: string, options: SubscribeOptions, receive: Receive, sender: { send: Transport['send'] }): Promise<Subscription> {
    const fetcher = new Fetcher(this.#consumer(`~${systemRuntime.id()}`), topic)
    const subscription = await ephemeral(await fetcher.ends(shards), (n) => fetcher.log(n), options, receive, sender)
    return {
      stop: () => subscription.stop(),
      close: async () => {
        await subscription.close()
        await fetcher.close()
      },
    }
  }

  #keep(subscription: Subscription): Subscription {
    this.#subscriptions.add(subscription)
    return subscription
  }

  #closed(id?: string): PabalError {
    return new PabalError('CLOSED', `this connection to ${this.#brokers} is closed`, id === undefined ? {} : { id })
  }

  #mustBeOpen(): void {
    if (this.#closing) throw this.#closed()
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#subscriptions].map((one) => one.close()))
      await this.#producing
      await Promise.resolve(this.#producer.close(true)).catch(() => undefined)
      await Promise.resolve(this.#admin.close()).catch(() => undefined)
    })()
    return this.#closing
  }
}

/** The client wraps errors in errors. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { errors, cause, apiId } = error as { errors?: unknown[]; cause?: unknown; apiId?: string }
  return [error.message, apiId ?? '', ...(errors ?? []).map(textOf), cause === undefined ? '' : textOf(cause)].join(' ')
}
