import type { Consumer } from '@platformatic/kafka'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Receive, Sender, SubscribeOptions, Subscription } from '../../src/transport/seam.ts'
import { Bounds } from '../../src/transport/shared/bounds.ts'
import { Cursor } from '../../src/transport/shared/cursor.ts'
import type { Entry } from '../../src/transport/shared/entry.ts'
import { OwnedShard, type ParkStore } from '../../src/transport/shared/owned-shard.ts'
import { volatileParks } from '../../src/transport/shared/transient.ts'
import { Commits } from './kafka-commits.ts'
import { Fetcher } from './kafka-log.ts'
import { packParked, unpackParked } from './wire.ts'

/** Partitions of each topic. */
export const shards = 8
export const sessionTimeout = 6000
/** How long a handover may wait for what is out. */
const rebalanceTimeout = 30_000
const pause = (ms: number): Promise<void> => new Promise((resolve) => void systemRuntime.timer(ms, resolve))

/** What a member of a group needs of its connection. */
export interface Place {
  readonly topic: string
  /** Absent for transient messages, which are never parked. */
  readonly parks?: string
  readonly groupId: string
  consumer(groupId: string): Consumer
  produce(topic: string, partition: number, key: string, value: Buffer): Promise<unknown>
}

interface Owned {
  readonly shard: OwnedShard
  readonly cursor: Cursor
}

/** What was settled above the committed offset, beside the parked messages: the client cannot give a commit metadata. */
const doneKey = 'done'

/** A member of a classic group with a fetch loop of its own: nothing may be out when partitions change hands. */
export class GroupMember implements Subscription {
  readonly #place: Place
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #sender: Sender
  readonly #bounds: Bounds
  readonly #consumer: Consumer
  readonly #reader: Fetcher
  readonly #parksReader: Fetcher | undefined
  readonly #owned = new Map<number, Owned>()
  readonly #commits = new Commits((offsets) =>
    Promise.resolve(
      this.#consumer.commit({
        offsets: Array.from(offsets, ([partition, offset]) => ({ topic: this.#place.topic, partition, offset, leaderEpoch: -1 })),
      }),
    ),
  )
  #generation = -1
  #beat = 0
  #taking: Promise<void> = Promise.resolve()
  #stopped = false
  #closing: Promise<void> | undefined
  #joining: Promise<void> | undefined

  constructor(place: Place, options: SubscribeOptions, receive: Receive, sender: Sender) {
    this.#place = place
    this.#options = options
    this.#receive = receive
    this.#sender = sender
    this.#bounds = new Bounds(options)
    this.#consumer = place.consumer(place.groupId)
    this.#reader = new Fetcher(place.consumer(`~${systemRuntime.id()}`), place.topic)
    this.#parksReader = place.parks === undefined ? undefined : new Fetcher(place.consumer(`~${systemRuntime.id()}`), place.parks)
  }

  async start(): Promise<void> {
    this.#consumer.topics.track(this.#place.topic)
    this.#consumer.on('consumer:heartbeat:end', () => {
      this.#beat = systemRuntime.monotonic()
    })
    this.#consumer.on('consumer:group:join', () => {
      this.#beat = systemRuntime.monotonic()
      void this.#joined()
    })
    // A rebalance that the client could not follow: it has left off, so this member begins anew.
    this.#consumer.on('error', () => void this.#join().catch(() => undefined))
    const joined = this.#join().then(() => this.#joined())
    // Not awaited: the join waits until the other members have settled what is out, and the group's position is known before it.
    // What is transient has a deadline: it should not come before the member is there.
    if (this.#options.durable) joined.catch(() => undefined)
    else await joined
  }

  /** Without the client's own retries, since a retried commit of a zombie rejoins first and is then accepted. */
  #join(): Promise<void> {
    this.#joining ??= (async () => {
      for (let attempt = 1; !this.#closing; attempt++) {
        try {
          await this.#consumer.joinGroup({
            sessionTimeout,
            heartbeatInterval: 500,
            rebalanceTimeout,
            protocols: [{ name: 'roundrobin', version: 1 }],
            // The hook runs before each JoinGroup.
            protocolsMetadata: async () => {
              await this.#letGo()
              return Buffer.alloc(0)
            },
          })
          return
        } catch (error) {
          if (attempt === 40) throw error
          await pause(150)
        }
      }
    })().finally(() => {
      this.#joining = undefined
    })
    return this.#joining
  }

  get #alive(): boolean {
    return systemRuntime.monotonic() - this.#beat < sessionTimeout
  }

  async #letGo(): Promise<void> {
    await this.#taking
    const all = [...this.#owned]
    this.#owned.clear()
    for (const [, { shard }] of all) {
      if (this.#alive) shard.stop(!this.#stopped)
      else shard.lose()
    }
    await Promise.all(all.map(([n, owned]) => this.#end(n, owned)))
  }

  async #end(n: number, { shard, cursor }: Owned): Promise<void> {
    // Whoever takes longer is thrown out of the group.
    await Promise.race([shard.drained(), pause(rebalanceTimeout - 2000)])
    shard.lose()
    await shard.end()
    const { done } = cursor.place
    const { parks, produce } = this.#place
    if (parks !== undefined && done.length > 0) await produce(parks, n, doneKey, Buffer.from(JSON.stringify(done))).catch(() => undefined)
  }

  /** An assignment that is being taken when the next rebalance begins is finished or abandoned first. */
  #joined(): Promise<void> {
    this.#taking = this.#taking
      .then(() => this.#take())
      .catch(async () => {
        // Only the group's coordinator can give the partitions anew: they are taken again as long as they are this member's.
        this.#generation = -1
        await pause(200)
        if (!this.#closing) void this.#joined()
      })
    return this.#taking
  }

  async #take(): Promise<void> {
    const generation = this.#consumer.generationId
    if (generation === this.#generation || this.#stopped) return
    this.#generation = generation
    const { topic } = this.#place
    const mine = this.#consumer.assignments?.find((one) => one.topic === topic)?.partitions ?? []
    if (mine.length === 0) return
    const committed = (
      await this.#consumer.listCommittedOffsets({ topics: [{ topic, partitions: Array.from({ length: shards }, (_, n) => n) }] })
    ).get(topic)
    await Promise.all(
      mine.filter((n) => !this.#owned.has(n)).map((n) => this.#own(n, Math.max(0, Number(committed?.[n] ?? 0n)), generation)),
    )
  }

  async #own(n: number, floor: number, generation: number): Promise<void> {
    const parked = await this.#load(n)
    const done = parked.done.filter((offset) => offset >= floor)
    const store = async ({ floor: offset }: { floor: number }): Promise<void> => {
      this.#commits.add(n, BigInt(offset))
      await this.#commits.flush()
    }
    const cursor = new Cursor({ floor, done }, store, () => undefined)
    const shard = new OwnedShard({
      shard: String(n),
      fence: generation,
      receive: this.#receive,
      options: this.#options,
      bounds: this.#bounds,
      sender: this.#sender,
      log: this.#reader.log(n),
      parks: this.#parks(n, parked.entries),
      cursor,
      runtime: systemRuntime,
      owned: () => this.#consumer.generationId === generation && this.#alive,
      // The assignment is the leader's: a partition cannot be offered to another member.
      released: () => undefined,
    })
    this.#owned.set(n, { shard, cursor })
    await shard.start(() => undefined)
  }

  /** The parking lot is a log of changes: the last value of an entry counts, an empty one takes it away. */
  async #load(n: number): Promise<{ entries: Entry[]; done: number[] }> {
    const entries = new Map<string, Entry>()
    let done: number[] = []
    const end = this.#parksReader === undefined ? 0 : ((await this.#parksReader.ends(shards))[n] ?? 0)
    if (this.#parksReader === undefined || end === 0) return { entries: [], done }
    for await (const { offset, key, value } of this.#parksReader.raw(n, 0)) {
      if (key === doneKey) done = JSON.parse(value.toString()) as number[]
      else if (value.length === 0) entries.delete(key)
      else entries.set(key, unpackParked(value, key))
      if (offset + 1 >= end) break
    }
    this.#parksReader.release(n)
    return { entries: [...entries.values()], done }
  }

  #parks(n: number, loaded: Entry[]): ParkStore {
    const { parks, produce } = this.#place
    if (parks === undefined) return volatileParks()
    const write = async (key: string, value: Buffer): Promise<void> => void (await produce(parks, n, key, value))
    return {
      load: async () => loaded,
      // Named by its offset: parked again after a crash it is still one entry.
      add: async (entry, note) => {
        entry.handle = String(entry.position)
        await write(entry.handle as string, packParked(entry, note))
      },
      amend: (entry, note) => write(entry.handle as string, packParked(entry, note)),
      remove: (entry) => write(entry.handle as string, Buffer.alloc(0)),
    }
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    for (const { shard } of this.#owned.values()) shard.stop(false)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      await pause(0)
      await this.#taking
      for (const { shard } of this.#owned.values()) shard.giveBack()
      await this.#letGo()
      await Promise.resolve(this.#consumer.leaveGroup(true)).catch(() => undefined)
      await Promise.resolve(this.#consumer.close(true)).catch(() => undefined)
      await Promise.all([this.#reader.close(), this.#parksReader?.close()])
    })()
    return this.#closing
  }
}
