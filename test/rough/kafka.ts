import { Admin, type Consumer as KafkaConsumer, Consumer, Producer, type RecordsBatch } from '@platformatic/kafka'
import type { Channel } from '../../src/channel/channel.ts'
import { shardOf } from '../../src/channel/shard.ts'
import { PabalError } from '../../src/errors.ts'
import type { Message } from '../../src/message/message.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type { Inbox, Outgoing, ParkNote, Receive, SendResult, StateListener, SubscribeOptions, Subscription, Transport } from '../../src/transport/seam.ts'
import { Commits } from './commits.ts'
import { type Entry, OwnedShard, type ParkStore } from './owned-shard.ts'
import { pack, splitNote, unpack, withNote } from './wire.ts'

const shards = 8
const token = (text: string): string => Buffer.from(text).toString('hex')
const pause = (ms: number): Promise<void> => new Promise((resolve) => void systemRuntime.timer(ms, resolve))

/** A rough Kafka adapter: it judges the seam, it is not shipped. See docs/explanation/seam-on-brokers.md. */
export class RoughKafka implements Transport {
  readonly name = 'kafka (rough)'
  readonly #brokers: string[]
  readonly #prefix: string
  readonly #producer: Producer
  readonly #admin: Admin
  readonly #open = new Set<{ close(): Promise<void> }>()
  readonly #known = new Set<string>()

  constructor(broker: string, prefix: string) {
    this.#brokers = [broker]
    this.#prefix = prefix
    const base = { clientId: 'rough', bootstrapBrokers: this.#brokers }
    this.#producer = new Producer({ ...base, idempotent: true } as never)
    this.#admin = new Admin(base)
  }

  async open(listener: StateListener): Promise<Capabilities> {
    await this.#admin.metadata({ topics: [] })
    listener({ ready: true })
    return {
      survives: 'broker', ordersByKey: true, durableGroups: true, replays: false, delays: false, countsLosses: false, atomicEmit: false,
      detectsNoReceiver: false, knowsReceivers: false, fences: true, parks: true, maxBytes: 1_000_000, takeover: { killed: 12_000, frozen: 12_000 },
    }
  }

  topic(lane: 'd' | 't' | 'p' | 'i', ...names: string[]): string {
    return [this.#prefix, lane, ...names.map(token)].join('.')
  }

  async ensure(topic: string): Promise<void> {
    if (this.#known.has(topic)) return
    await this.#admin.createTopics({ topics: [topic], partitions: shards, replicas: 1 }).catch((error: Error) => {
      if (!/already exists|TOPIC_ALREADY_EXISTS/i.test(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String((error as { errors?: Error[] }).errors))) throw error
    })
    this.#known.add(topic)
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    const existing = mode === 'check' ? await this.#admin.listTopics() : []
    for (const channel of channels) {
      const topic = this.topic('d', channel.address)
      if (mode === 'create') await this.ensure(topic)
      else if (!existing.includes(topic)) throw new PabalError('INVALID_CONFIGURATION', `the topic of ${channel.address} is missing`)
    }
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    try {
      const messages = []
      for (const { channel, message, durable } of batch) {
        const topic = channel.kind === 'inbox' ? this.topic('i') : this.topic(durable ? 'd' : 't', channel.address)
        await this.ensure(topic)
        const partition = channel.kind === 'inbox' ? shardOf(channel.address, shards) : shardOf(message.key ?? message.id, shards)
        messages.push({ topic, partition, key: Buffer.from(channel.kind === 'inbox' ? channel.address : (message.key ?? message.id)), value: pack(message) })
      }
      await this.#producer.send({ messages })
      return batch.map(() => 'sent')
    } catch (cause) {
      return batch.map(({ message }) => new PabalError('SEND_FAILED', (cause as Error).message, { cause, id: message.id }))
    }
  }

  async produce(topic: string, partition: number, key: string, value: Buffer): Promise<bigint> {
    const { offsets } = await this.#producer.send({ messages: [{ topic, partition, key: Buffer.from(key), value }] })
    return offsets?.[0]?.offset ?? 0n
  }

  consumer(groupId: string): KafkaConsumer {
    return new Consumer({
      clientId: 'rough', bootstrapBrokers: this.#brokers, groupId, sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTime: 50, minBytes: 1, retries: 0, autocommit: false,
    } as never)
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const address = `inbox.${owner}.${systemRuntime.id()}`
    const topic = this.topic('i')
    await this.ensure(topic)
    const log = new Partition(this.consumer(`~${address}`), topic, shardOf(address, shards))
    let at = await log.end()
    let open = true
    const signal = new AbortController().signal
    void (async () => {
      while (open) {
        for (const { offset, key, value } of await log.read(at).catch(() => [])) {
          at = offset + 1n
          if (key !== address) continue
          void receive({ message: unpack(value), shard: '', lost: 0, fence: 0, signal }).then((s) => ('emit' in s ? this.send(s.emit) : undefined))
        }
      }
    })()
    const inbox = { address, close: async () => {
      open = false
      await log.close()
    } }
    this.#open.add(inbox)
    return inbox
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const group = channel.kind === 'point-to-point' ? 'owner' : (options.group ?? `~${systemRuntime.id()}`)
    const topic = this.topic(options.durable ? 'd' : 't', channel.address)
    const parks = this.topic('p', channel.address, group)
    await this.ensure(topic)
    await this.ensure(parks)
    const member = new GroupMember(this, topic, parks, `${topic}.${token(group)}`, options, receive, channel.kind === 'point-to-point' && options.durable)
    await member.start()
    this.#open.add(member)
    return member
  }

  async close(): Promise<void> {
    for (const one of this.#open) await one.close()
    this.#open.clear()
    await this.#producer.close(true).catch(() => undefined)
    await this.#admin.close().catch(() => undefined)
  }
}

/** Reads one partition by offset. */
class Partition {
  readonly #consumer: KafkaConsumer
  readonly topic: string
  readonly partition: number

  constructor(consumer: KafkaConsumer, topic: string, partition: number) {
    this.#consumer = consumer
    this.topic = topic
    this.partition = partition
  }

  async end(): Promise<bigint> {
    const found = await this.#consumer.listOffsets({ topics: [this.topic], partitions: { [this.topic]: [this.partition] } })
    const offsets = found.get(this.topic) as bigint[]
    return offsets[this.partition] ?? offsets[0] ?? 0n
  }

  async read(from: bigint): Promise<{ offset: bigint; key: string; value: Buffer }[]> {
    const metadata = await this.#consumer.metadata({ topics: [this.topic] })
    const topic = metadata.topics.get(this.topic) as { id: string; partitions: { leader: number }[] }
    const response = await this.#consumer.fetch({
      node: topic.partitions[this.partition]?.leader ?? 1, maxWaitTime: 50, minBytes: 1, maxBytes: 4_000_000,
      topics: [{ topicId: topic.id, partitions: [{ partition: this.partition, currentLeaderEpoch: -1, fetchOffset: from, lastFetchedEpoch: -1, partitionMaxBytes: 4_000_000 }] }],
    })
    const found = []
    for (const batch of (response.responses[0]?.partitions[0]?.records ?? []) as RecordsBatch[])
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta)
        if (offset >= from) found.push({ offset, key: String(record.key), value: record.value ?? Buffer.alloc(0) })
      }
    return found
  }

  close(): Promise<void> {
    return Promise.resolve(this.#consumer.close(true)).catch(() => undefined)
  }
}

interface Owned {
  readonly shard: OwnedShard
  readonly ended: Promise<void>
  stop(): void
}

class GroupMember implements Subscription {
  readonly #kafka: RoughKafka
  readonly #topic: string
  readonly #parksTopic: string
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #fromStart: boolean
  readonly #consumer: KafkaConsumer
  readonly #owned = new Map<number, Owned>()
  readonly #commits = new Commits((offsets) =>
    Promise.resolve(this.#consumer.commit({ offsets: Array.from(offsets, ([partition, offset]) => ({ topic: this.#topic, partition, offset, leaderEpoch: -1 })) })),
  )
  #generation = 0
  #joining: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(kafka: RoughKafka, topic: string, parks: string, groupId: string, options: SubscribeOptions, receive: Receive, fromStart: boolean) {
    this.#kafka = kafka
    this.#topic = topic
    this.#parksTopic = parks
    this.#options = options
    this.#receive = receive
    this.#fromStart = fromStart
    this.#consumer = kafka.consumer(groupId)
  }

  async start(): Promise<void> {
    this.#consumer.topics.track(this.#topic)
    this.#consumer.on('consumer:group:join', () => void this.#joined())
    // Without retries, since a retried commit of a zombie rejoins first and is then accepted; so the first join is retried here.
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#join()
        break
      } catch (error) {
        if (attempt === 20) throw error
        await pause(250)
      }
    }
    await this.#joined()
  }

  /** The hook runs before each JoinGroup: nothing may be out when the partitions change hands. */
  async #join(): Promise<void> {
    await this.#consumer.joinGroup({
      sessionTimeout: 6000, heartbeatInterval: 500, rebalanceTimeout: 10_000, protocols: [{ name: 'roundrobin', version: 1 }],
      protocolsMetadata: async () => {
        await this.#letGo()
        return Buffer.alloc(0)
      },
    })
  }

  async #letGo(): Promise<void> {
    await this.#joining
    const all = [...this.#owned.values()]
    for (const owned of all) owned.stop()
    await Promise.all(all.map((owned) => owned.ended))
    this.#owned.clear()
  }

  #joined(): Promise<void> {
    this.#joining = this.#joining.then(() => this.#takeAssigned()).catch(() => undefined)
    return this.#joining
  }

  async #takeAssigned(): Promise<void> {
    const generation = this.#consumer.generationId
    if (generation === this.#generation || this.#closing) return
    this.#generation = generation
    const mine = this.#consumer.assignments?.find((one) => one.topic === this.#topic)?.partitions ?? []
    const committed = (await this.#consumer.listCommittedOffsets({ topics: [{ topic: this.#topic, partitions: Array.from({ length: shards }, (_, i) => i) }] })).get(this.#topic) as bigint[]
    for (const n of mine) if (!this.#owned.has(n)) await this.#own(n, committed[n] ?? -1n, generation)
  }

  async #own(n: number, committed: bigint, generation: number): Promise<void> {
    const log = new Partition(this.#kafka.consumer(`~${systemRuntime.id()}`), this.#topic, n)
    let at = committed >= 0n ? committed : this.#fromStart ? 0n : await log.end()
    if (committed < 0n) this.#commits.add(n, at)
    let floor = at
    const done = new Set<bigint>()
    let going = true
    let again: number | undefined
    const shard = new OwnedShard({
      shard: String(n), fence: generation, receive: this.#receive, limits: this.#options, sender: this.#kafka, runtime: systemRuntime,
      parks: this.#parks(n),
      owned: () => this.#consumer.generationId === generation,
      // A partition cannot be offered to another member: it comes again here.
      released: (after) => {
        again = after
        going = false
      },
      failed: () => undefined,
    })
    const run = (async () => {
      await shard.start()
      while (going) {
        for (const { offset, value } of await log.read(at).catch(() => pause(50).then(() => []))) {
          at = offset + 1n
          const acknowledge = (): void => {
            done.add(offset)
            while (done.delete(floor)) floor++
            if (this.#consumer.generationId === generation) this.#commits.add(n, floor)
          }
          if (!going || !(await shard.take({ message: unpack(value), acknowledge }))) {
            going = false
            break
          }
        }
      }
      shard.stop()
      await shard.drained()
      await this.#commits.flush()
      await log.close()
    })().catch(() => undefined)
    const stop = (): void => {
      going = false
      shard.stop()
    }
    this.#owned.set(n, { shard, stop, ended: run })
    void run.then(async () => {
      if (again === undefined) return
      await pause(again)
      if (this.#consumer.generationId !== generation || this.#closing) return
      const committedNow = (await this.#consumer.listCommittedOffsets({ topics: [{ topic: this.#topic, partitions: [n] }] })).get(this.#topic) as bigint[]
      await this.#own(n, committedNow[n] ?? committedNow[0] ?? floor, generation)
    })
  }

  #parks(n: number): ParkStore {
    const write = (handle: string, message: Message | undefined, note?: ParkNote): Promise<bigint> =>
      this.#kafka.produce(this.#parksTopic, n, handle, message && note ? pack(withNote(message, note)) : Buffer.alloc(0))
    return {
      load: async () => {
        const log = new Partition(this.#kafka.consumer(`~${systemRuntime.id()}`), this.#parksTopic, n)
        const end = await log.end()
        const entries = new Map<string, Entry>()
        for (let at = 0n; at < end; )
          for (const { offset, key, value } of await log.read(at)) {
            at = offset + 1n
            if (value.length === 0) entries.delete(key)
            else {
              const { message, note } = splitNote(unpack(value))
              const known = entries.get(key)
              if (known) known.note = note
              else entries.set(key, { message, note, handle: key })
            }
          }
        await log.close()
        return [...entries.values()]
      },
      add: async (message, note) => {
        const handle = systemRuntime.id()
        await write(handle, message, note)
        return { message, note, handle }
      },
      amend: async (entry, note) => void (await write(entry.handle as string, entry.message, note)),
      remove: async (entry) => void (await write(entry.handle as string, undefined)),
    }
  }

  stop(): void {
    for (const owned of this.#owned.values()) owned.stop()
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#letGo()
      await Promise.resolve(this.#consumer.leaveGroup(true)).catch(() => undefined)
      await this.#consumer.close(true).catch(() => undefined)
    })()
    return this.#closing
  }
}
