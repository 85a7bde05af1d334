import { backoff, type Cluster, pause } from '../link/cluster.ts'
import type { Link } from '../link/link.ts'
import { codes, isPassing, KafkaFault } from '../protocol/codes.ts'
import { type Decompress, type Raw, readRecords } from '../protocol/records.ts'
import { type Fetched, fetch } from './fetch.ts'
import { type FetchPart, FetchSession } from './session.ts'

/** Who reads a partition. */
export interface Reader {
  /** Records in order, and where to read on. */
  take(records: readonly Raw[], next: number): void
  /** True while nothing more should come: what was taken waits in memory. */
  full(): boolean
  /** Records before `start` are gone, and were not read. */
  lost?(from: number, start: number): void
  /** The log ends before what was read of it: it was made anew, and is read from its beginning unless this ends the reading. */
  rewound?(): void
  failed(error: unknown): void
}

interface Slot {
  readonly topic: string
  readonly partition: number
  readonly reader: Reader
  at: number
  resolving: boolean
}

interface Asked {
  /** Absent where nothing has room, or nothing is led by this broker. */
  readonly answers: Promise<Fetched[]> | undefined
  readonly leftOut: boolean
  /** Who asked, and from where: an answer to anybody else is none. */
  readonly slots: ReadonlyMap<Slot, number>
}

export interface FetcherOptions {
  readonly decompress: Decompress
  readonly troubled: (error: unknown) => void
  /** The largest answer for a partition, and for all of them. */
  readonly partitionBytes: number
  readonly bytes: number
}

/** A new partition, or one that has room again, waits as long as a request that is under way without it. */
const longWait = 250
const shortWait = 20
/** Less is handed out before more is asked for: nothing waits behind it. */
const fewBytes = 4096

/** Reads partitions from offsets, all those of one broker with one request at a time on a connection of its own. */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #o: FetcherOptions
  readonly #slots = new Map<string, Slot>()
  readonly #links = new Map<number, { readonly link: Link; readonly session: FetchSession }>()
  readonly #looping = new Set<number>()
  #turn = 0
  #locating = false
  #closed = false
  #wake: (() => void)[] = []

  constructor(cluster: Cluster, options: FetcherOptions) {
    this.#cluster = cluster
    this.#o = options
  }

  /** Returns what ends this reading, and no later one of the same partition. */
  read(topic: string, partition: number, from: number, reader: Reader): () => void {
    const name = `${partition} ${topic}`
    const slot: Slot = { topic, partition, reader, at: from, resolving: false }
    this.#slots.set(name, slot)
    this.#locate()
    // A loop may wait for a reader that was full.
    this.more()
    return () => {
      if (this.#slots.get(name) === slot) this.#slots.delete(name)
    }
  }

  /** A reader that was full has room. */
  more(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** Begins to read from each broker that leads something. */
  #locate(): void {
    if (this.#locating || this.#closed) return
    this.#locating = true
    void (async () => {
      for (let attempt = 0; !this.#closed; attempt++) {
        const topics = new Set<string>()
        for (const { topic, partition } of this.#slots.values()) {
          const leader = this.#leader(topic, partition)
          if (leader < 0) topics.add(topic)
          else void this.#loop(leader)
        }
        if (topics.size === 0) break
        if (attempt > 0) await pause(Math.min(backoff(attempt), 500))
        await this.#cluster.refresh([...topics]).catch(this.#o.troubled)
      }
      this.#locating = false
    })()
  }

  #leader(topic: string, partition: number): number {
    return this.#cluster.topic(topic)?.leaders[partition] ?? -1
  }

  async #loop(node: number): Promise<void> {
    if (this.#looping.has(node)) return
    this.#looping.add(node)
    let failures = 0
    let asked: Asked | undefined
    while (!this.#closed) {
      asked ??= this.#ask(node)
      if (asked.answers === undefined) {
        if (!asked.leftOut) break
        asked = undefined
        await new Promise<void>((resolve) => this.#wake.push(resolve))
        continue
      }
      const { answers, slots }: Asked = asked
      asked = undefined
      try {
        const taken: (() => void)[] = []
        let trouble = false
        let size = 0
        for (const answer of (await answers) as Fetched[]) {
          const take = this.#took(answer, slots)
          if (typeof take === 'function') taken.push(take)
          else trouble ||= take
          size += answer.bytes.length
        }
        failures = trouble ? failures + 1 : 0
        const few = size < fewBytes
        // The next answer is on its way while what came is handed out.
        if (taken.length > 0 && failures === 0 && !few && !this.#closed) {
          asked = this.#ask(node)
          if (asked.answers === undefined) asked = undefined
        }
        for (const take of taken) take()
        // What is said in return goes first: the broker is not to look for more meanwhile.
        if (taken.length > 0 && few) await pause(0)
      } catch (error) {
        failures++
        if (this.#closed) break
        this.#o.troubled(error)
        for (const { topic } of slots.keys()) this.#cluster.forget(topic)
      }
      if (failures > 0) {
        await pause(Math.min(backoff(failures), 500))
        // Where its partitions are led now is found out meanwhile.
        this.#locate()
        await pause(5)
      }
    }
    this.#looping.delete(node)
  }

  /** Asks for all that this broker leads and that has room. */
  #ask(node: number): Asked {
    const mine: Slot[] = []
    let leftOut = false
    for (const slot of this.#slots.values()) {
      const leader = this.#leader(slot.topic, slot.partition)
      if (leader !== node) {
        // Whoever shares the cluster may have forgotten, or learnt, who leads it.
        if (!this.#looping.has(leader)) this.#locate()
        continue
      }
      if (slot.resolving || slot.reader.full()) leftOut = true
      else mine.push(slot)
    }
    const slots = new Map(mine.map((slot) => [slot, slot.at]))
    if (mine.length === 0) return { answers: undefined, leftOut, slots }
    let there = this.#links.get(node)
    if (there === undefined)
      this.#links.set(node, (there = { link: this.#cluster.private(node, { requestTimeout: 10_000 }), session: new FetchSession() }))
    const parts = mine.map(({ topic, partition, at }): FetchPart => ({ topic, partition, from: at }))
    // The first partitions of a request are filled first: another one begins each time.
    if (parts.length > 1) parts.push(...parts.splice(0, this.#turn++ % parts.length))
    const limits = { wait: leftOut ? shortWait : longWait, bytes: this.#o.bytes, partitionBytes: this.#o.partitionBytes }
    const answers = fetch(there.link, parts, limits, there.session)
    // Looked at later, where it is awaited.
    answers.catch(() => undefined)
    return { answers, leftOut, slots }
  }

  /** What hands out the records; or whether the partition could not be read. */
  #took(answer: Fetched, asked: ReadonlyMap<Slot, number>): (() => void) | boolean {
    const slot = this.#slots.get(`${answer.partition} ${answer.topic}`)
    if (slot === undefined || asked.get(slot) !== slot.at) return false
    const { code, bytes, aborted } = answer
    if (code === codes.OFFSET_OUT_OF_RANGE) {
      void this.#resolve(slot)
      return false
    }
    if (code !== 0) {
      if (!isPassing(code)) {
        this.#slots.delete(`${answer.partition} ${answer.topic}`)
        slot.reader.failed(new KafkaFault(code, `${slot.topic}/${slot.partition}`))
        return false
      }
      this.#cluster.forget(slot.topic)
      return true
    }
    if (bytes.length === 0) return false
    try {
      const { records, next } = readRecords(bytes, slot.at, aborted, this.#o.decompress)
      if (next <= slot.at) return false
      slot.at = next
      return () => {
        if (this.#slots.get(`${slot.partition} ${slot.topic}`) === slot) slot.reader.take(records, next)
      }
    } catch (error) {
      this.#slots.delete(`${answer.partition} ${answer.topic}`)
      slot.reader.failed(error)
      return false
    }
  }

  /** The offset is not there any more, or not yet: it is found out which, and read on from where something is. */
  async #resolve(slot: Slot): Promise<void> {
    if (slot.resolving) return
    slot.resolving = true
    try {
      const { topic, partition, reader, at } = slot
      const [[start = 0], [end = 0]] = await Promise.all([
        this.#cluster.offsets(topic, [partition], -2),
        this.#cluster.offsets(topic, [partition]),
      ])
      if (this.#slots.get(`${partition} ${topic}`) !== slot || (at >= start && at <= end)) return
      slot.at = start
      if (at < start) reader.lost?.(at, start)
      else reader.rewound?.()
    } catch (error) {
      this.#o.troubled(error)
    } finally {
      slot.resolving = false
      this.more()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#slots.clear()
    this.more()
    await Promise.all([...this.#links.values()].map(({ link }) => link.close()))
  }
}
