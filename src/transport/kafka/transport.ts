import type { Channel } from '../../channel/channel.ts'
import { PabalError } from '../../errors.ts'
import type { Message } from '../../message/message.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { Capabilities } from '../capabilities.ts'
import type {
  Admin,
  Inbox,
  Outgoing,
  Receive,
  Sender,
  SendResult,
  StateListener,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../seam.ts'
import { ephemeral } from '../shared/ephemeral.ts'
import { TransientReceiver } from '../shared/transient.ts'
import { KafkaAdmin } from './admin/admin.ts'
import { Delays } from './delays.ts'
import { type Driver, loadDriver } from './driver.ts'
import { GroupMember } from './group/group.ts'
import { begin } from './link/begin.ts'
import { Cluster } from './link/cluster.ts'
import { capabilitiesOf, lookAt, type ServerFacts } from './link/server.ts'
import { State } from './link/state.ts'
import { type KafkaOptions, type Settings, settingsOf } from './options.ts'
import type { Batch } from './protocol/batch.ts'
import { LinkFault } from './protocol/codes.ts'
import { messageIn, putMessage } from './protocol/envelope.ts'
import { partitionOf } from './protocol/murmur2.ts'
import { Fetcher, type FetcherOptions } from './read/fetcher.ts'
import { partitionLog } from './read/reading.ts'
import { Producer } from './send/producer.ts'
import { Sending } from './send/sending.ts'
import { Names } from './topics/names.ts'
import { refusal, Topics } from './topics/topics.ts'

/** Milliseconds until a member notices that something delayed was sent to its channel for the first time ever. */
const lookEvery = 5000

/** Everything that exists once the transport is open. */
interface Opened {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly safe: Producer
  readonly quick: Producer
  readonly sending: Sending
  readonly state: State
  readonly fetching: FetcherOptions
}

export class KafkaTransport implements Transport {
  readonly name = 'kafka'
  readonly #settings: Settings
  readonly #names: Names
  readonly #instance = systemRuntime.id()
  readonly #parts = new Set<{ close(): Promise<void> }>()
  /** Who forwards what is due, by the channel's address; undefined while nothing delayed was ever sent there. */
  readonly #delays = new Map<string, Delays | undefined>()
  #looking: { cancel(): void } | undefined
  #opened: Opened | undefined
  #admin: KafkaAdmin | undefined
  #facts: ServerFacts = { batchBytes: 1_048_588, minInSync: 1, replicas: 1, brokers: 1 }
  #capabilities: Capabilities | undefined
  #closing: Promise<void> | undefined

  constructor(options: KafkaOptions) {
    this.#settings = settingsOf(options)
    this.#names = new Names(this.#settings.prefix)
  }

  get admin(): Admin | undefined {
    if (this.#opened === undefined) return undefined
    const { cluster, topics, fetching } = this.#opened
    this.#admin ??= new KafkaAdmin({
      cluster,
      names: this.#names,
      topics,
      decompress: fetching.decompress,
      write: this.#write,
      by: `admin of ${this.#instance}`,
    })
    return this.#admin
  }

  async open(listener: StateListener): Promise<Capabilities> {
    const driver = await loadDriver()
    const cluster = new Cluster({ driver, clientId: this.#settings.clientId, connection: this.#connection() }, this.#settings.brokers)
    try {
      this.#facts = await lookAt(cluster, this.#settings)
    } catch (error) {
      await cluster.close()
      throw error
    }
    this.#capabilities = capabilitiesOf(this.#facts, this.#settings)
    this.#opened = this.#make(driver, cluster, listener)
    listener({ ready: true })
    return this.#capabilities
  }

  #connection() {
    const { tls, sasl } = this.#settings
    return {
      connectTimeout: 5000,
      requestTimeout: 15_000,
      maxInflights: 20,
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined
        ? {}
        : {
            sasl: {
              mechanism: sasl.mechanism.toUpperCase() as 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
              username: sasl.username,
              password: sasl.password,
            },
          }),
    }
  }

  #make(driver: Driver, cluster: Cluster, listener: StateListener): Opened {
    const { partitions, replicas, sendTimeout, maxPendingMessages, maxPendingBytes } = this.#settings
    const state = new State(cluster, listener)
    const topics = new Topics(cluster, this.#names, partitions, replicas)
    const troubled = (error: unknown): void => state.troubled(error)
    const limits = { maxMessages: maxPendingMessages, maxBytes: maxPendingBytes, batchBytes: () => this.#facts.batchBytes - 1024, troubled }
    const safe = new Producer(cluster, { ...limits, safe: true, deadline: sendTimeout })
    const quick = new Producer(cluster, { ...limits, safe: false, deadline: Math.min(sendTimeout, 5000) })
    const sending = new Sending(
      topics,
      safe,
      quick,
      () => this.#capabilities?.maxBytes ?? 0,
      (address) => this.#forwardDelayed(address),
    )
    const decompress = (algorithm: number, bytes: Buffer): Buffer =>
      driver.compressionsAlgorithmsByBitmask[algorithm]?.decompressSync(bytes) ?? bytes
    const fetching = { decompress, troubled, partitionBytes: 256 * 1024, bytes: 4 * 1024 * 1024 }
    return { cluster, topics, safe, quick, sending, state, fetching }
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    const { topics } = this.#open()
    topics.mode = mode
    const wanted = channels
      .filter(({ kind }) => kind !== 'inbox')
      .map(({ address }) => ({ name: this.#names.topic(address), kind: 'durable' as const }))
    await topics.provision(wanted, mode).catch((error: unknown) => this.#refused(error))
    await Promise.all(wanted.map((one) => topics.ensure(one))).catch((error: unknown) => this.#refused(error))
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    if (this.#closing !== undefined) return batch.map(({ message }) => this.#closed(message.id))
    return this.#open().sending.send(batch)
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const { cluster, topics, sending, fetching } = this.#open()
    const address = `inbox.${owner.replace(/[^\w.:@/+=~-]/g, '_').slice(0, 200)}.${systemRuntime.id()}`
    const topic = this.#names.inboxes
    const there = await topics.ensure({ name: topic, kind: 'inboxes' }).catch((error: unknown) => this.#refused(error))
    const partition = partitionOf(Buffer.from(address), there.leaders.length)
    const [from = 0] = await cluster.offsets(topic, [partition])
    const receiver = new TransientReceiver(
      { maxMessages: 100_000, maxBytes: 1e9 },
      receive,
      (batch) => sending.send(batch),
      () => undefined,
    )
    const fetcher = new Fetcher(cluster, fetching)
    const key = Buffer.from(address)
    fetcher.read(topic, partition, from, {
      take: (records) => {
        for (const record of records) if (record.key !== null && key.equals(record.key)) receiver.take(messageIn(record, topic, partition))
      },
      full: () => false,
      failed: (error) => this.#opened?.state.warn(`the inbox ${address} cannot be read: ${(error as Error).message}`),
    })
    return this.#keep({
      address,
      close: async () => {
        receiver.stop()
        await fetcher.close()
      },
    })
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const { cluster, topics, sending, fetching, state } = this.#open()
    const lane = options.durable ? 'durable' : 'transient'
    const group = channel.kind === 'point-to-point' ? undefined : options.group
    const topic = this.#names.topic(channel.address, lane)
    const there = await topics.ensure({ name: topic, kind: lane }).catch((error: unknown) => this.#refused(error))
    const sender: Sender = { send: (batch) => sending.send(batch) }
    if (channel.kind !== 'point-to-point' && group === undefined)
      return this.#ephemeral(topic, there.leaders.length, options, receive, sender)
    const groupId = this.#names.group(channel, lane, group)
    if (options.durable) await this.#lookForDelayed(channel.address)
    let parks: string | undefined
    if (options.durable) {
      parks = this.#names.topic(channel.address, 'parked', group)
      const partitions = there.leaders.length
      await topics.ensure({ name: parks, kind: 'parked', partitions }).catch((error: unknown) => this.#refused(error))
    }
    if (!options.durable || channel.kind === 'publish-subscribe')
      await begin(cluster, { topic, group: groupId, parks, partitions: there.leaders.length }).catch((error: unknown) =>
        this.#refused(error),
      )
    const surroundings = {
      cluster,
      fetching,
      sessionTimeout: this.#settings.sessionTimeout,
      instance: this.#instance,
      write: this.#write,
      warn: (text: string) => state.warn(text),
    }
    const member = this.#keep(new GroupMember(surroundings, { topic, group: groupId, parks }, options, receive, sender))
    // A join waits for nobody's handlers; but what is transient has a deadline, and should not come before the member is there.
    await member.start(!options.durable)
    return member
  }

  async #ephemeral(topic: string, partitions: number, options: SubscribeOptions, receive: Receive, sender: Sender): Promise<Subscription> {
    const { cluster, fetching, state } = this.#open()
    const fetcher = new Fetcher(cluster, fetching)
    const ends = await cluster.offsets(
      topic,
      Array.from({ length: partitions }, (_, n) => n),
    )
    const lost = (from: number, start: number): void =>
      state.warn(`${start - from} messages of ${topic} were deleted before they were read`)
    const subscription = await ephemeral(ends, (n) => partitionLog(fetcher, topic, n, lost), options, receive, sender)
    return this.#keep({
      stop: () => subscription.stop(),
      close: async () => {
        await subscription.close()
        await fetcher.close()
      },
    })
  }

  readonly #write = (
    topic: string,
    partition: number,
    key: string,
    message: Message | undefined,
    headers: Readonly<Record<string, string>>,
    value?: Buffer,
  ): Promise<void> => {
    const { safe } = this.#open(true)
    const put = (batch: Batch): void => {
      if (message !== undefined) putMessage(batch, message)
      for (const name in headers) batch.header(name, headers[name] as string)
    }
    const body = message?.body ?? value ?? null
    return new Promise((resolve, reject) => {
      const waiter = { settled: (_: number, error: Error | undefined) => (error === undefined ? resolve() : reject(error)) }
      safe.add(topic, partition, Buffer.from(key), body, put, waiter, 0, (body?.byteLength ?? 0) + 2048)
    })
  }

  /** Somebody who reads the channel forwards what is due, and so does whoever sends something delayed. */
  #forwardDelayed(address: string): void {
    if (this.#closing !== undefined || this.#delays.get(address) !== undefined) return
    const { cluster, fetching, safe } = this.#open()
    const forward = (topic: string, partition: number, message: Message): Promise<void> =>
      new Promise((resolve, reject) => {
        const waiter = { settled: (_: number, error: Error | undefined) => (error === undefined ? resolve() : reject(error)) }
        const key = message.key === undefined ? null : Buffer.from(message.key, 'utf8')
        const put = (batch: Batch): void => putMessage(batch, message)
        safe.add(topic, partition, key, message.body, put, waiter, 0, message.body.byteLength + 1024)
      })
    const { sessionTimeout } = this.#settings
    const topic = this.#names.topic(address)
    const delayed = this.#names.topic(address, 'delayed')
    this.#delays.set(address, new Delays({ cluster, fetching, sessionTimeout, delayed, topic, write: this.#write, forward }))
  }

  /** Looks whether anything delayed was ever sent to the channel, now and every few seconds. */
  async #lookForDelayed(address: string): Promise<void> {
    if (this.#delays.has(address)) return
    this.#delays.set(address, undefined)
    const { cluster } = this.#open()
    const look = async (): Promise<void> => {
      const missing = [...this.#delays].filter(([, there]) => there === undefined).map(([one]) => one)
      if (missing.length === 0) return
      await cluster.refresh(missing.map((one) => this.#names.topic(one, 'delayed'))).catch(() => undefined)
      for (const one of missing) if (cluster.topic(this.#names.topic(one, 'delayed')) !== undefined) this.#forwardDelayed(one)
    }
    const again = (): void => {
      if (this.#closing !== undefined) return
      this.#looking = systemRuntime.timer(lookEvery, () => void look().then(again), true)
    }
    await look()
    if (this.#looking === undefined) again()
  }

  #keep<T extends { close(): Promise<void> }>(part: T): T {
    this.#parts.add(part)
    return part
  }

  #closed(id?: string): PabalError {
    return new PabalError('CLOSED', 'this connection to Kafka is closed', id === undefined ? {} : { id })
  }

  #open(also = false): Opened {
    if (this.#closing !== undefined && !also) throw this.#closed()
    if (this.#opened === undefined) throw new PabalError('CLOSED', 'kafka: the transport was not opened')
    return this.#opened
  }

  #refused(error: unknown): never {
    if (error instanceof LinkFault) throw new PabalError('BROKER_UNREACHABLE', `kafka: ${error.message}`, { cause: error })
    if (error instanceof PabalError) throw error
    try {
      refusal(error)
    } catch (better) {
      if (better instanceof PabalError) throw better
      throw new PabalError('SEND_FAILED', `kafka: ${(error as Error).message}`, { cause: error })
    }
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#looking?.cancel()
      await Promise.all([...this.#parts, ...this.#delays.values()].map((part) => part?.close()))
      if (this.#opened === undefined) return
      const { cluster, safe, quick, state } = this.#opened
      state.close()
      await Promise.all([safe.close(), quick.close()])
      await cluster.close()
    })()
    return this.#closing
  }
}
