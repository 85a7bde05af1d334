import type { Runtime } from '../../src/runtime/runtime.ts'
import type { Message } from '../../src/message/message.ts'
import { sizeOf } from '../../src/message/limits.ts'
import type { ParkNote, Receive, Sender, Settlement, SubscribeOptions } from '../../src/transport/seam.ts'

/** A message as the technology gave it, and how it is acknowledged there. */
export interface Taken {
  readonly message: Message
  acknowledge(): Promise<void> | void
}

/** Where a shard's parked messages are kept by the technology. */
export interface ParkStore {
  /** In the order in which they were parked. */
  load(): Promise<Entry[]>
  add(message: Message, note: ParkNote): Promise<Entry>
  amend(entry: Entry, note: ParkNote): Promise<void>
  remove(entry: Entry): Promise<void>
}

export interface Entry {
  readonly message: Message
  note: ParkNote
  /** The technology's own handle. */
  handle: unknown
}

export interface OwnedShardOptions {
  readonly shard: string
  readonly fence: number
  readonly receive: Receive
  readonly limits: SubscribeOptions
  readonly sender: Sender
  readonly parks: ParkStore
  readonly runtime: Runtime
  /** True while the ownership holds: nothing may be written otherwise. */
  owned(): boolean
  /** Called once nothing is out any more, after a delivery was given back. */
  released(after: number): void
  failed(error: unknown): void
}

/**
 * A shard that this member owns, for technologies that settle message by message and keep parked messages in a log of their
 * own: hands out in order, bounded; sends what was emitted and acknowledges then; keeps the parking lot in memory as loaded.
 */
export class OwnedShard {
  readonly #o: OwnedShardOptions
  readonly #lost = new AbortController()
  /** Parked messages by key, in order; unkeyed ones each under an entry of its own. */
  readonly #lot = new Map<string | Entry, Entry[]>()
  #out = 0
  #bytes = 0
  #stopped = false
  #release: number | undefined
  #room: (() => void) | undefined
  #empty: (() => void)[] = []

  constructor(options: OwnedShardOptions) {
    this.#o = options
  }

  async start(): Promise<void> {
    const entries = await this.#o.parks.load()
    const counts = new Map<string, number>()
    for (const entry of entries) {
      const { key } = entry.message
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
      const place = key ?? entry
      this.#lot.set(place, [...(this.#lot.get(place) ?? []), entry])
    }
    this.#o.limits.assigned?.(this.#o.shard, counts)
    for (const place of this.#lot.keys()) this.#next(place)
  }

  /** Hands out one message of the log; resolves when the next may come. */
  async take(taken: Taken): Promise<boolean> {
    while (!this.#stopped && this.#out > 0 && (this.#out >= this.#o.limits.maxMessages || this.#bytes >= this.#o.limits.maxBytes))
      await new Promise<void>((resolve) => {
        this.#room = resolve
      })
    if (this.#stopped) return false
    void this.#hand(taken.message, undefined, async (settlement) => {
      if ('park' in settlement) {
        const entry = await this.#o.parks.add(taken.message, settlement.park)
        const place = taken.message.key ?? entry
        const queue = this.#lot.get(place)
        if (queue) queue.push(entry)
        else {
          this.#lot.set(place, [entry])
          this.#next(place)
        }
      }
      await taken.acknowledge()
    })
    return true
  }

  /** Hands out nothing more; what has not begun is given back by the engine. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#room?.()
    this.#o.limits.revoking?.(this.#o.shard)
  }

  /** The ownership is gone: nothing may be settled any more. */
  lose(): void {
    this.stop()
    this.#lost.abort()
  }

  drained(): Promise<void> {
    return this.#out === 0 ? Promise.resolve() : new Promise((resolve) => this.#empty.push(resolve))
  }

  async #hand(message: Message, parked: ParkNote | undefined, settle: (settlement: Settlement) => Promise<void>): Promise<void> {
    const size = sizeOf(message)
    this.#out++
    this.#bytes += size
    const { shard, fence, receive, sender } = this.#o
    try {
      const settlement = await receive({ message, shard, lost: 0, parked, fence, signal: this.#lost.signal }).catch((): Settlement => ({ release: {} }))
      if (!this.#o.owned()) return
      if ('release' in settlement) {
        this.#release = Math.max(this.#release ?? 0, settlement.release.after ?? 0)
        this.stop()
        return
      }
      if ('emit' in settlement && settlement.emit.length > 0) {
        const failure = (await sender.send(settlement.emit)).find((result) => typeof result !== 'string')
        if (failure) throw failure
      }
      await settle(settlement)
    } catch (error) {
      this.#o.failed(error)
      this.#release ??= 0
      this.stop()
    } finally {
      this.#out--
      this.#bytes -= size
      this.#room?.()
      this.#room = undefined
      if (this.#out === 0) {
        for (const resolve of this.#empty.splice(0)) resolve()
        if (this.#release !== undefined && this.#stopped) this.#o.released(this.#release)
      }
    }
  }

  /** Hands out the head of a parked key when it is due. */
  #next(place: string | Entry): void {
    const entry = this.#lot.get(place)?.[0]
    if (!entry) {
      this.#lot.delete(place)
      return
    }
    const { due, order } = entry.note
    if (due === undefined && order === undefined) return
    const wait = order === undefined ? Math.max(0, (due as number) - this.#o.runtime.now()) : 0
    this.#o.runtime.timer(
      wait,
      () => {
        if (this.#stopped) return
        void this.#hand(entry.message, entry.note, async (settlement) => {
          if ('park' in settlement) {
            await this.#o.parks.amend(entry, settlement.park)
            entry.note = settlement.park
          } else {
            await this.#o.parks.remove(entry)
            this.#lot.get(place)?.shift()
          }
          this.#next(place)
        })
      },
      true,
    )
  }
}
