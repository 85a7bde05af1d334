import { systemRuntime } from '../../runtime/system.ts'
import { backoff, type Cluster, pause } from './cluster.ts'
import { codes, isPassing, KafkaFault } from './codes.ts'
import { type Fetched, type FetchPart, fetch } from './fetch.ts'
import type { Link } from './link.ts'
import { type Decompress, type Raw, readRecords } from './records.ts'

/** Who reads a partition. */
export interface Reader {
  /** Records in order, and where to read on. */
  take(records: readonly Raw[], next: number): void
  /** True while nothing more should come: what was taken waits in memory. */
  full(): boolean
  /** Records before `start` are gone, and were not read. */
  lost?(from: number, start: number): void
  failed(error: unknown): void
}

interface Slot {
  readonly topic: string
  readonly partition: number
  readonly reader: Reader
  at: number
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

/** Reads partitions from offsets, all those of one broker with one request at a time on a connection of its own. */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #o: FetcherOptions
  readonly #slots = new Map<string, Slot>()
  readonly #links = new Map<number, Link>()
  readonly #looping = new Set<number>()
  #locating = false
  #closed = false
  #wake: (() => void)[] = []

  constructor(cluster: Cluster, options: FetcherOptions) {
    this.#cluster = cluster
    this.#o = options
  }

  read(topic: string, partition: number, from: number, reader: Reader): void {
    this.#slots.set(`${partition} ${topic}`, { topic, partition, reader, at: from })
    this.#locate()
  }

  release(topic: string, partition: number): void {
    this.#slots.delete(`${partition} ${topic}`)
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
    while (!this.#closed) {
      const mine: Slot[] = []
      let leftOut = false
      for (const slot of this.#slots.values()) {
        if (this.#leader(slot.topic, slot.partition) !== node) continue
        if (slot.reader.full()) leftOut = true
        else mine.push(slot)
      }
      if (mine.length === 0) {
        if (!leftOut) break
        await new Promise<void>((resolve) => this.#wake.push(resolve))
        continue
      }
      try {
        let link = this.#links.get(node)
        if (link === undefined) this.#links.set(node, (link = this.#cluster.private(node, { requestTimeout: 10_000 })))
        const parts = mine.map(({ topic, partition, at }): FetchPart => ({ topic, partition, from: at }))
        // The first partitions of a request are filled first: another one begins each time.
        const turn = failures === 0 ? Math.floor(systemRuntime.random() * parts.length) : 0
        parts.push(...parts.splice(0, turn))
        const limits = { wait: leftOut ? shortWait : longWait, bytes: this.#o.bytes, partitionBytes: this.#o.partitionBytes }
        const answers = await fetch(link, parts, limits)
        let trouble = false
        for (const answer of answers) trouble = this.#took(answer) || trouble
        failures = trouble ? failures + 1 : 0
      } catch (error) {
        failures++
        if (this.#closed) break
        this.#o.troubled(error)
        for (const { topic } of mine) this.#cluster.forget(topic)
      }
      if (failures > 0) {
        await pause(Math.min(backoff(failures), 500))
        this.#locate()
        // Where its partitions are led now is found out meanwhile.
        await pause(5)
      }
    }
    this.#looping.delete(node)
  }

  /** True where the partition could not be read. */
  #took(answer: Fetched): boolean {
    const slot = this.#slots.get(`${answer.partition} ${answer.topic}`)
    if (slot === undefined) return false
    const { code, bytes, aborted, start } = answer
    if (code === codes.OFFSET_OUT_OF_RANGE && slot.at < start) {
      slot.reader.lost?.(slot.at, start)
      slot.at = start
      return false
    }
    if (code !== 0) {
      if (code === codes.OFFSET_OUT_OF_RANGE && slot.at > answer.end) slot.at = Math.max(0, answer.end)
      else if (!isPassing(code)) {
        this.release(slot.topic, slot.partition)
        slot.reader.failed(new KafkaFault(code, `${slot.topic}/${slot.partition}`))
        return false
      }
      this.#cluster.forget(slot.topic)
      return true
    }
    if (bytes.length === 0) return false
    try {
      const { records, next } = readRecords(bytes, slot.at, aborted, this.#o.decompress)
      slot.at = next
      slot.reader.take(records, next)
    } catch (error) {
      this.release(slot.topic, slot.partition)
      slot.reader.failed(error)
    }
    return false
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#slots.clear()
    this.more()
    await Promise.all([...this.#links.values()].map((link) => link.close()))
  }
}
