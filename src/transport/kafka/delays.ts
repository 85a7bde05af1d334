import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import { systemRuntime } from '../../runtime/system.ts'
import { TimeHeap } from '../../runtime/time-heap.ts'
import { Membership } from './group/membership.ts'
import type { Write } from './group/parked.ts'
import { type Cluster, pause } from './link/cluster.ts'
import { messageIn, own, ownHeader } from './protocol/envelope.ts'
import { partitionOf } from './protocol/murmur2.ts'
import type { Raw } from './protocol/records.ts'
import { Fetcher, type FetcherOptions } from './read/fetcher.ts'
import { readAll, readOne } from './read/reading.ts'

export interface DelaysOptions {
  readonly cluster: Cluster
  readonly fetching: FetcherOptions
  readonly sessionTimeout: number
  /** The topic in which delayed messages wait, whose name is the group's too. */
  readonly delayed: string
  /** Where they go when they are due. */
  readonly topic: string
  readonly write: Write
  /** Sends a message to the channel's own topic. */
  readonly forward: (topic: string, partition: number, message: Message) => Promise<void>
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly key: string
  /** Absent where memory was short: it is read again when it is due. */
  readonly message: Message | undefined
}

interface Held {
  readonly heap: TimeHeap<Waiting>
  /** Not done with, by key. */
  readonly keys: Set<string>
  over: boolean
  forwarding: Promise<void>
  readonly ready: Promise<void>
  /** Ends the reading. */
  release: () => void
}

/** Messages that wait in memory as a whole, in bytes; of the others only the due time and the place. */
const memory = 8 * 1024 * 1024

/**
 * Delayed messages lie in a compacted topic beside the channel's own, by unique keys, with the time at which they are due. The
 * owner of a partition forwards each when it is due and then takes it away: an owner that dies between the two forwards it twice.
 */
export class Delays {
  readonly #o: DelaysOptions
  readonly #membership: Membership
  readonly #fetcher: Fetcher
  readonly #held = new Map<number, Held>()
  #bytes = 0
  #timer: { cancel(): void } | undefined
  #closing: Promise<void> | undefined

  constructor(options: DelaysOptions) {
    this.#o = options
    const { cluster, fetching, sessionTimeout, delayed } = options
    this.#fetcher = new Fetcher(cluster, fetching)
    this.#membership = new Membership({
      cluster,
      group: delayed,
      topic: delayed,
      sessionTimeout,
      assigned: ({ partitions }) => this.#assigned(new Set(partitions)),
      lost: () => {
        for (const held of this.#held.values()) {
          held.over = true
          held.release()
        }
        this.#held.clear()
      },
      troubled: fetching.troubled,
      // Somebody else forwards, or nobody may.
      refused: () => undefined,
    })
    this.#membership.start()
  }

  #assigned(mine: ReadonlySet<number>): void {
    for (const [partition, held] of this.#held) if (!mine.has(partition) && !held.over) void this.#giveUp(partition, held)
    for (const partition of mine) {
      if (this.#held.has(partition)) continue
      let begun = (): void => undefined
      const ready = new Promise<void>((resolve) => {
        begun = resolve
      })
      const held: Held = {
        heap: new TimeHeap(),
        keys: new Set(),
        over: false,
        forwarding: Promise.resolve(),
        ready,
        release: () => undefined,
      }
      this.#held.set(partition, held)
      void this.#take(partition, held).finally(begun)
    }
  }

  async #take(partition: number, held: Held): Promise<void> {
    const { cluster, fetching, delayed } = this.#o
    while (!held.over) {
      try {
        const loaded = (await readAll(cluster, delayed, [partition], fetching.decompress)).get(partition)
        if (held.over) return
        this.#add(partition, held, loaded?.records ?? [])
        held.release = this.#fetcher.read(delayed, partition, loaded?.end ?? 0, {
          take: (records) => this.#add(partition, held, records),
          full: () => false,
          failed: fetching.troubled,
        })
        return
      } catch (error) {
        fetching.troubled(error)
        await pause(200)
      }
    }
  }

  #add(partition: number, held: Held, records: readonly Raw[]): void {
    // Of what comes at once the last record of a key counts.
    const gone = new Set<string>()
    for (const record of records) if (record.value === null && record.key !== null) gone.add(record.key.toString('utf8'))
    for (const record of records) {
      const key = record.key?.toString('utf8') ?? ''
      if (record.value === null || gone.has(key) || held.keys.has(key)) continue
      const at = Number(ownHeader(record, own.due) ?? 0)
      const message = messageIn(record, this.#o.delayed, partition)
      const kept = this.#bytes < memory ? { ...message, body: Buffer.from(message.body) } : undefined
      if (kept !== undefined) this.#bytes += sizeOf(kept)
      held.keys.add(key)
      held.heap.push({ at, order: record.offset, key, message: kept })
    }
    for (const key of gone) held.keys.delete(key)
    this.#look()
  }

  /** Forwards what is due, and comes back for the next. */
  readonly #look = (): void => {
    this.#timer?.cancel()
    const now = systemRuntime.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const [partition, held] of this.#held) {
      if (held.over) continue
      const due: Waiting[] = []
      for (let first = held.heap.first; first !== undefined && first.at <= now; first = held.heap.first) {
        held.heap.shift()
        if (held.keys.has(first.key)) due.push(first)
      }
      if (due.length > 0) held.forwarding = held.forwarding.then(() => this.#forward(partition, held, due))
      soonest = Math.min(soonest, held.heap.first?.at ?? soonest)
    }
    if (soonest < Number.POSITIVE_INFINITY)
      this.#timer = systemRuntime.timer(Math.min(Math.max(1, soonest - systemRuntime.now()), 60_000), this.#look, true)
  }

  async #forward(partition: number, held: Held, due: readonly Waiting[]): Promise<void> {
    const { cluster, fetching, delayed, topic, forward, write } = this.#o
    const one = async (waiting: Waiting, message: Message): Promise<void> => {
      const partitions = cluster.topic(topic)?.leaders.length ?? (await cluster.learn(topic))?.leaders.length ?? 1
      const to = message.key === undefined ? waiting.order % partitions : partitionOf(Buffer.from(message.key, 'utf8'), partitions)
      await forward(topic, to, message)
      if (waiting.message !== undefined) this.#bytes -= sizeOf(waiting.message)
      held.keys.delete(waiting.key)
      await write(delayed, partition, waiting.key, undefined, {})
    }
    const under: Promise<void>[] = []
    for (const waiting of due) {
      if (held.over || !this.#membership.holds(partition)) break
      const later = (): void => {
        held.heap.push({ ...waiting, at: systemRuntime.now() + 500 })
        systemRuntime.timer(500, this.#look, true)
      }
      const again = (error: unknown): void => {
        fetching.troubled(error)
        later()
      }
      // Whether the partition is still this member's is not known: it is asked again, since the group may say so.
      if (!this.#membership.alive) {
        later()
        continue
      }
      try {
        const message =
          waiting.message ?? messageIn(await readOne(cluster, delayed, partition, waiting.order, fetching.decompress), delayed, partition)
        under.push(one(waiting, message).catch(again))
      } catch (error) {
        again(error)
      }
    }
    await Promise.all(under)
  }

  async #giveUp(partition: number, held: Held): Promise<void> {
    held.over = true
    await held.ready
    held.release()
    await held.forwarding
    for (let first = held.heap.first; first !== undefined; first = held.heap.first) {
      if (first.message !== undefined) this.#bytes -= sizeOf(first.message)
      held.heap.shift()
    }
    if (this.#held.get(partition) === held) this.#held.delete(partition)
    this.#membership.letGo(partition)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#timer?.cancel()
      await Promise.all([...this.#held].map(([partition, held]) => this.#giveUp(partition, held)))
      await this.#membership.close()
      await this.#fetcher.close()
    })()
    return this.#closing
  }
}
