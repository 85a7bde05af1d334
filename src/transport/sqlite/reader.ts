import type { StoreClient } from './client.ts'
import type { Marks } from './db/marks.ts'
import { asBuffer, walk } from './db/pack.ts'
import type { OwnedShard } from './owned-shard.ts'
import type { Room, Segment, Stored } from './protocol.ts'

/** How much is read at a time, in bytes. */
const readBytes = 384 * 1024
/** How many messages are handed out before the event loop gets its turn. */
const turnMessages = 64

export interface ReaderEnvironment {
  readonly store: StoreClient
  readonly marks: Marks
  readonly unit: string
  /** The shards that are read: owned, and not being given up. */
  shards(): readonly OwnedShard[]
  room(): Room
  /** Whether so much may be handed out now. */
  hasRoom(messages: number, bytes: number): boolean
  /** Resolves when there is room again, or all is over. */
  makeRoom(): Promise<void>
  /** Lets the event loop have its turn. */
  turn(): Promise<void>
  stopped(): boolean
  hand(shard: OwnedShard, buffer: Buffer, offset: number, end: number, pos: number): void
  /** All that there is of the log was read. */
  caughtUp(): void
  /** The store could not be read. */
  failed(error: unknown): void
  lost(shard: OwnedShard): void
  /** The shard was read further. */
  advanced(shard: OwnedShard): void
}

interface Found {
  readonly shard: OwnedShard
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  readonly pos: number
}

/** Reads the log for a group's shards of this process, as far as there is room. What is handed out was marked before. */
export class Reader {
  readonly #env: ReaderEnvironment
  readonly #ids: { readonly group: number; readonly channel: number }
  #woken = false
  #reading = false

  constructor(env: ReaderEnvironment, ids: { readonly group: number; readonly channel: number }) {
    this.#env = env
    this.#ids = ids
  }

  /** There may be something to read. */
  poke(): void {
    this.#woken = true
    if (!this.#reading && !this.#env.stopped() && this.#env.shards().length > 0) void this.#read()
  }

  /** Something was stored: handed out at once where it was brought along and may be, and otherwise read. */
  woken({ first, bytes }: Stored): void {
    if (bytes === undefined || this.#reading || this.#env.stopped() || !this.#took(first, bytes)) this.poke()
  }

  /** False where something before it was not read yet, or there is too much of it. */
  #took(first: number, bytes: Uint8Array): boolean {
    const env = this.#env
    const shards = env.shards()
    if (shards.length === 0 || shards.some(({ read }) => read !== first)) return false
    const { found, end } = this.#find([{ first, bytes }], shards)
    if (found.length > turnMessages || !env.hasRoom(found.length, bytes.byteLength)) return false
    try {
      for (const { shard, pos } of found) env.marks.write(this.#ids.group, shard.index, shard.epoch, pos + 1)
    } catch {
      // Whoever reads says what is wrong with it.
      return false
    }
    for (const one of found) {
      if (env.stopped()) return true
      this.#hand(one)
    }
    for (const shard of shards) this.#advance(shard, end)
    env.caughtUp()
    return true
  }

  async #read(): Promise<void> {
    const env = this.#env
    this.#reading = true
    try {
      while (this.#woken && !env.stopped()) {
        this.#woken = false
        await env.makeRoom()
        // Only these: a shard that is claimed while the answer is under way has to read what was before.
        const shards = env.shards()
        if (shards.length === 0) break
        const reads = shards.map(({ index, epoch, read }) => ({ shard: index, epoch, from: read }))
        const { segments, next, marked, lost } = await env.store.call('read', {
          ...this.#ids,
          unit: env.unit,
          reads,
          maxBytes: readBytes,
          room: env.room(),
        })
        for (const shard of shards) if (lost.includes(shard.index)) env.lost(shard)
        if (segments.length === 0) {
          for (const shard of shards) this.#advance(shard, next)
          env.caughtUp()
          continue
        }
        const { found, end } = this.#find(segments, shards)
        await this.#handAll(found, marked)
        if (env.stopped()) return
        for (const shard of shards) this.#advance(shard, end)
        if (end < next) this.#woken = true
        else env.caughtUp()
      }
    } catch (error) {
      env.failed(error)
    } finally {
      this.#reading = false
    }
  }

  #advance(shard: OwnedShard, to: number): void {
    if (shard.gone || shard.revoking || to <= shard.read) return
    shard.read = to
    this.#env.advanced(shard)
  }

  /** The messages of the shards in the segments that were not read before, and where the segments end. */
  #find(segments: readonly Segment[], shards: readonly OwnedShard[]): { found: Found[]; end: number } {
    const byIndex = new Map(shards.map((shard) => [shard.index, shard]))
    const found: Found[] = []
    let last = 0
    for (const { first, bytes } of segments) {
      const buffer = asBuffer(bytes)
      walk(buffer, (index, n, offset, end) => {
        last = first + index
        const shard = byIndex.get(n)
        if (shard !== undefined && last >= shard.read) found.push({ shard, buffer, offset, end, pos: last })
        return true
      })
    }
    return { found, end: last + 1 }
  }

  /** `marked`: so many were marked already when they were read. */
  async #handAll(found: readonly Found[], marked: number): Promise<void> {
    const env = this.#env
    for (let at = 0, upTo = marked; at < found.length; upTo = at + (await this.#mark(found, at))) {
      for (let inTurn = 0; at < upTo; at++) {
        if (++inTurn > turnMessages) {
          inTurn = 0
          await env.turn()
        }
        if (env.stopped()) return
        this.#hand(found[at] as Found)
      }
      if (at < found.length) await env.makeRoom()
      if (env.stopped()) return
    }
  }

  #hand({ shard, buffer, offset, end, pos }: Found): void {
    if (shard.gone || shard.revoking || pos < shard.read) return
    shard.read = pos + 1
    if (!shard.wasSettled(pos)) this.#env.hand(shard, buffer, offset, end, pos)
  }

  /** Marks as many of those from `at` on as there is room for; how many. */
  async #mark(found: readonly Found[], at: number): Promise<number> {
    if (at >= found.length) return 0
    const room = this.#env.room()
    const ends = new Map<OwnedShard, number>()
    let count = 0
    let bytes = 0
    for (let i = at; i < found.length && (count === 0 || (count < room.messages && bytes < room.bytes)); i++, count++) {
      const { shard, pos, offset, end } = found[i] as Found
      bytes += end - offset
      ends.set(shard, pos + 1)
    }
    const marks = Array.from(ends, ([{ index, epoch }, end]) => ({ shard: index, epoch, end }))
    await this.#env.store.call('mark', { group: this.#ids.group, marks })
    return count
  }
}
