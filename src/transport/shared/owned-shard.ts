import type { Message } from '../../message/message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { ParkNote, Receive, Sender, Settlement, SubscribeOptions } from '../seam.ts'
import type { Bounds } from './bounds.ts'
import type { Cursor } from './cursor.ts'
import { Entry, Lanes } from './entry.ts'

/** A shard's messages in order, as the technology gives them. */
export interface Log {
  read(from: number): AsyncIterable<{ readonly position: number; readonly message: Message }>
  close(): Promise<void>
}

/** Where a shard's parked messages are kept by the technology. */
export interface ParkStore {
  load(): Promise<Entry[]>
  /** Keeps the entry, its note and its position; its handle is set. */
  add(entry: Entry, note: ParkNote): Promise<void>
  amend(entry: Entry, note: ParkNote): Promise<void>
  remove(entry: Entry): Promise<void>
}

export interface OwnedShardOptions {
  readonly shard: string
  readonly fence: number
  readonly receive: Receive
  readonly options: SubscribeOptions
  readonly bounds: Bounds
  readonly sender: Sender
  readonly log: Log
  readonly parks: ParkStore
  readonly cursor: Cursor
  readonly runtime: Runtime
  /** True while the ownership holds: nothing may be written otherwise. */
  owned(): boolean
  /** A delivery was given back: the shard should be offered to others. */
  released(): void
}

interface Handout {
  readonly entry: Entry
  /** Its settlement is being carried out. */
  writing: boolean
  /** Given back or lost: whatever its settlement is, it changes nothing. */
  over: boolean
}

/** What a rejection, or an emission that could not be sent, counts as. */
const later: Settlement = { release: { after: 100 } }
const bufferMessages = 200
const bufferBytes = 4 * 1024 * 1024

/**
 * A shard that this member owns, on a technology that keeps a log and one position for each group: hands out in order within
 * the subscription's bounds, keeps what was given back and what is parked in order, and carries out the settlements.
 */
export class OwnedShard {
  readonly #o: OwnedShardOptions
  readonly #lost = new AbortController()
  readonly #out = new Set<Handout>()
  readonly #buffer: Entry[] = []
  readonly #givenBack = new Lanes()
  readonly #lot = new Lanes()
  /** Positions of the log that are taken and not settled, by key. */
  readonly #unsettled = new Map<string, Set<number>>()
  #bufferBytes = 0
  #room: (() => void) | undefined
  /** The log was read up to here. */
  #readTo: number
  #stopped = false
  #timer: { cancel(): void } | undefined
  #waiting: (() => void)[] = []
  #reading: Promise<void> = Promise.resolve()

  constructor(options: OwnedShardOptions) {
    this.#o = options
    this.#readTo = options.cursor.place.floor - 1
  }

  /** Loads what is parked, tells the subscriber, begins to hand out. `failed`: the log cannot be read any more. */
  async start(failed: (error: unknown) => void): Promise<void> {
    for (const entry of await this.#o.parks.load()) this.#lot.insert(entry)
    if (this.#stopped) return
    const counts = new Map<string, number>()
    for (const [key, lane] of this.#lot) if (typeof key === 'string') counts.set(key, lane.entries.length)
    this.#o.options.assigned?.(this.#o.shard, counts)
    this.#reading = this.#read().catch(failed)
    this.#pump()
  }

  async #read(): Promise<void> {
    const { cursor, log } = this.#o
    const parked = new Set([...this.#lot.values()].flatMap((lane) => lane.entries.map((entry) => entry.position)))
    for await (const { position, message } of log.read(cursor.place.floor)) {
      if (this.#stopped) return
      this.#readTo = position
      if (cursor.reached(position)) {
        // Parked, and its owner died before it could say that it was settled.
        if (parked.has(position)) cursor.settled(position)
        else this.#take(new Entry(position, message))
      }
      this.#pump()
      while (!this.#stopped && (this.#buffer.length >= bufferMessages || this.#bufferBytes >= bufferBytes))
        await new Promise<void>((resolve) => {
          this.#room = resolve
        })
    }
  }

  #take(entry: Entry): void {
    this.#buffer.push(entry)
    this.#bufferBytes += entry.size
    const { key } = entry.message
    if (key === undefined) return
    const positions = this.#unsettled.get(key)
    if (positions) positions.add(entry.position)
    else this.#unsettled.set(key, new Set([entry.position]))
  }

  readonly #pump = (): void => {
    while (!this.#stopped) {
      const entry = this.#next()
      if (entry === undefined || !this.#o.bounds.take(entry.size, this.#pump)) return
      this.#handOut(entry)
    }
  }

  /** What may be handed out next; it stays where it is. */
  #next(): Entry | undefined {
    const now = this.#o.runtime.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const lanes of [this.#givenBack, this.#lot]) {
      for (const { busy, head } of lanes.values()) {
        if (busy || head === undefined || this.#blocked(head)) continue
        if (head.ready <= now) return head
        soonest = Math.min(soonest, head.ready)
      }
    }
    this.#timer?.cancel()
    if (soonest < Number.POSITIVE_INFINITY) this.#timer = this.#o.runtime.timer(Math.min(soonest - now, 60_000), this.#pump, true)
    for (let head = this.#buffer[0]; head !== undefined; head = this.#buffer[0]) {
      if (this.#givenBack.of(head) === undefined) return head
      this.#unbuffer()
      this.#givenBack.insert(head)
    }
    return undefined
  }

  #unbuffer(): void {
    this.#bufferBytes -= this.#buffer.shift()?.size ?? 0
    this.#room?.()
    this.#room = undefined
  }

  /** One that was given back waits for those of its key that are out; a parked one for what was sent before it. */
  #blocked(entry: Entry): boolean {
    const { key } = entry.message
    if (key === undefined) return false
    if (entry.note === undefined) {
      for (const { entry: other } of this.#out) if (other.message.key === key && other.note === undefined) return true
      return false
    }
    if (entry.position > this.#readTo) return true
    const [first = Number.POSITIVE_INFINITY] = this.#unsettled.get(key) ?? []
    return first < entry.position
  }

  #handOut(entry: Entry): void {
    const { shard, fence, receive } = this.#o
    const handout: Handout = { entry, writing: false, over: false }
    const { note: parked, message } = entry
    const ahead = parked === undefined && entry.position < (this.#lot.of(entry)?.head?.position ?? 0)
    if (parked !== undefined) (this.#lot.of(entry) as { busy: boolean }).busy = true
    else if (entry === this.#buffer[0]) this.#unbuffer()
    else this.#givenBack.remove(entry)
    this.#out.add(handout)
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = receive({ message, shard, lost: 0, parked, ahead, fence, signal: this.#lost.signal })
    } catch {
      settlement = later
    }
    void Promise.resolve(settlement).then(
      (value) => this.#settle(handout, value),
      () => this.#settle(handout, later),
    )
  }

  async #settle(handout: Handout, settlement: Settlement): Promise<void> {
    const { entry } = handout
    const { owned, parks, sender } = this.#o
    if (handout.over || !owned()) return
    handout.writing = true
    let outcome = settlement
    try {
      if ('emit' in settlement && settlement.emit.length > 0) {
        const results = await sender.send(settlement.emit)
        for (const [index, result] of results.entries()) if (typeof result !== 'string' && settlement.emit[index]?.durable) throw result
      }
      if ('park' in settlement) await (entry.note ? parks.amend(entry, settlement.park) : parks.add(entry, settlement.park))
      else if ('emit' in settlement && entry.note) await parks.remove(entry)
    } catch {
      outcome = later
    }
    if (handout.over) return
    this.#back(handout)
    const parkedBefore = entry.note !== undefined
    if ('release' in outcome) this.#restore(entry, outcome.release.after ?? 0)
    else {
      if ('park' in outcome) {
        entry.note = outcome.park
        entry.due = 0
        if (!parkedBefore) this.#lot.insert(entry)
      } else if (parkedBefore) this.#lot.remove(entry)
      if (!parkedBefore) this.#settled(entry)
    }
    // Last: it wakes whoever waits for room, and all must be in its place by then.
    this.#o.bounds.back(entry.size)
    this.#pump()
    this.#told()
    if ('release' in outcome && !this.#stopped) this.#o.released()
  }

  #settled({ position, message: { key } }: Entry): void {
    this.#o.cursor.settled(position)
    const positions = key === undefined ? undefined : this.#unsettled.get(key)
    positions?.delete(position)
    if (positions?.size === 0) this.#unsettled.delete(key as string)
  }

  #restore(entry: Entry, after: number): void {
    // Never at once: a receiver that gives everything back must not keep the event loop from all others.
    entry.due = this.#o.runtime.now() + Math.max(after, 2)
    if (entry.note === undefined) this.#givenBack.insert(entry)
  }

  #back(handout: Handout): void {
    this.#out.delete(handout)
    handout.over = true
    const { entry } = handout
    if (entry.note !== undefined) {
      const lane = this.#lot.of(entry)
      if (lane) lane.busy = false
    }
  }

  /** Hands out nothing more. `announce`: the shard goes to another member. */
  stop(announce: boolean): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    this.#room?.()
    if (announce) this.#o.options.revoking?.(this.#o.shard)
  }

  /** Resolves when nothing is out any more. */
  drained(): Promise<void> {
    return this.#out.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #told(): void {
    if (this.#out.size === 0) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Whatever is out and not being settled is given back. */
  giveBack(): void {
    this.stop(false)
    this.#drop((handout) => !handout.writing)
  }

  /** The ownership is gone: nothing may be settled any more. */
  lose(): void {
    this.stop(false)
    this.#drop(() => true)
    this.#lost.abort()
  }

  #drop(which: (handout: Handout) => boolean): void {
    const dropped = [...this.#out].filter(which)
    for (const handout of dropped) this.#back(handout)
    for (const { entry } of dropped) this.#o.bounds.back(entry.size)
    this.#told()
  }

  /** After `drained`: the cursor is written, the log let go of. */
  async end(): Promise<void> {
    await this.#o.log.close().catch(() => undefined)
    await this.#reading
    await this.#o.cursor.flush()
  }
}
