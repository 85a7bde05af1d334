import { type Listed, OpenList } from '../../runtime/open-list.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { ParkNote, Receive, Sender, Settlement, SubscribeOptions } from '../seam.ts'
import type { Bounds } from './bounds.ts'
import type { Cursor } from './cursor.ts'
import { Entry, Lanes } from './entry.ts'
import type { Log, LogItem, LogReader } from './log.ts'

/** Where a shard's parked messages are kept by the technology. */
export interface ParkStore {
  load(): Promise<Entry[]>
  /** Keeps the entry, its note and its position; its handle is set. */
  add(entry: Entry, note: ParkNote): Promise<void>
  amend(entry: Entry, note: ParkNote): Promise<void>
  remove(entry: Entry): Promise<void>
}

/** Keeps what is handed out where the next owner finds it, if this one dies. */
export interface LossBook {
  /** How often a message of the log was handed out and lost with its process. */
  of(position: number): number
  /** Whether one that was lost may be handed out now; otherwise `wake` is called when to ask again. */
  ready(entry: Entry, wake: () => void): boolean
  /** Whether what is handed out must be written down before. */
  careful(): boolean
  /** Writes it down; `then` is called in the order of these calls. */
  note(entry: Entry, then: () => void): void
  handedOut(entry: Entry): void
  /** It is not out any more. */
  back(entry: Entry, settled: boolean): void
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
  readonly losses?: LossBook | undefined
  /** What may wait in memory. Default 200 messages and 4 MiB. */
  readonly bufferMessages?: number | undefined
  readonly bufferBytes?: number | undefined
}

interface Handout extends Listed<Handout> {
  readonly entry: Entry
  /** Its settlement is being carried out. */
  writing: boolean
  /** Given back or lost: whatever its settlement is, it changes nothing. */
  over: boolean
}

/** What a rejection, or an emission that could not be sent, counts as. */
const later: Settlement = { release: { after: 100 } }
/** After how many milliseconds it is asked again whether the shard is owned. */
const unsurePause = 50

/**
 * A shard that this member owns, on a technology that keeps a log and one position for each group: hands out in order within
 * the subscription's bounds, keeps what was given back and what is parked in order, and carries out the settlements.
 */
export class OwnedShard implements LogReader {
  readonly #o: OwnedShardOptions
  readonly #lost = new AbortController()
  readonly #out = new OpenList<Handout>()
  #buffer: Entry[] = []
  /** What lies before it in the buffer was taken. */
  #head = 0
  /** Written down, and handed out when that is done. They take their room already. */
  #noting = 0
  readonly #givenBack = new Lanes()
  readonly #lot = new Lanes()
  /** Positions of parked messages whose cursor did not say so yet. */
  readonly #parkedBefore = new Set<number>()
  #bufferBytes = 0
  #waitsForRoom = false
  /** The log was read up to here. */
  #readTo: number
  #stopped = false
  /** Something that does not simply flow may be ready: what was given back or parked, or what blocked it, changed. */
  #changed = true
  #soonest = Number.POSITIVE_INFINITY
  #pumping = false
  #timer: { cancel(): void } | undefined
  /** Settlements that came while it was not known whether the shard is owned. */
  readonly #unsure: [Handout, Settlement][] = []
  #retry: { cancel(): void } | undefined
  #waiting: (() => void)[] = []

  constructor(options: OwnedShardOptions) {
    this.#o = options
    this.#readTo = options.cursor.place.floor - 1
  }

  /** Loads what is parked, tells the subscriber, begins to hand out. `failed`: the log cannot be read any more. */
  async start(failed: (error: unknown) => void): Promise<void> {
    for (const entry of await this.#o.parks.load()) {
      this.#lot.insert(entry)
      this.#parkedBefore.add(entry.position)
    }
    if (this.#stopped) return
    const counts = new Map<string, number>()
    for (const [key, lane] of this.#lot) if (typeof key === 'string') counts.set(key, lane.entries.length)
    this.#o.options.assigned?.(this.#o.shard, counts)
    this.failed = failed
    this.#o.log.open(this.#o.cursor.place.floor, this)
    this.#pump()
  }

  failed = (_error: unknown): void => undefined

  take(items: readonly LogItem[], next: number): void {
    if (this.#stopped) return
    const { cursor, losses } = this.#o
    for (const { position, message } of items) {
      if (!cursor.reached(position)) continue
      // Parked, and its owner died before it could say that it was settled.
      if (this.#parkedBefore.size > 0 && this.#parkedBefore.delete(position)) cursor.settled(position)
      else {
        const entry = new Entry(position, message)
        if (losses !== undefined && (entry.lost = losses.of(position)) > 0) {
          this.#givenBack.insert(entry)
          this.#changed = true
          continue
        }
        this.#buffer.push(entry)
        this.#bufferBytes += entry.size
      }
    }
    cursor.passed(next)
    this.#readTo = next - 1
    if (this.#lot.size > 0) this.#changed = true
    this.#pump()
  }

  full(): boolean {
    const full =
      this.#buffer.length - this.#head >= (this.#o.bufferMessages ?? 200) || this.#bufferBytes >= (this.#o.bufferBytes ?? 4 * 1024 * 1024)
    if (full) this.#waitsForRoom = true
    return full
  }

  readonly #pump = (): void => {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (!this.#stopped) {
        const entry = this.#next()
        if (entry === undefined) break
        const careful = this.#o.losses?.careful() === true
        // What comes after those that are being written down waits for them.
        if (this.#noting > 0 && !careful && entry === this.#buffer[this.#head]) break
        if (!this.#o.bounds.take(entry.size, this.#pump)) break
        if (careful) this.#note(entry)
        else this.#handOut(entry)
      }
    } finally {
      this.#pumping = false
    }
    if (this.#waitsForRoom && !this.#stopped && !this.full()) {
      this.#waitsForRoom = false
      this.#o.log.more()
    }
  }

  readonly #look = (): void => {
    this.#changed = true
    this.#pump()
  }

  /** What may be handed out next; it stays where it is. */
  #next(): Entry | undefined {
    if (this.#givenBack.size > 0 || this.#lot.size > 0) {
      const head = this.#aside()
      if (head !== undefined) return head
    }
    for (let head = this.#buffer[this.#head]; head !== undefined; head = this.#buffer[this.#head]) {
      if (this.#givenBack.size === 0 || this.#givenBack.of(head) === undefined) return head
      this.#unbuffer()
      this.#givenBack.insert(head)
    }
    return undefined
  }

  /** What was given back or is parked, and may be handed out now. */
  #aside(): Entry | undefined {
    const now = this.#o.runtime.now()
    if (!this.#changed && now < this.#soonest) return undefined
    let soonest = Number.POSITIVE_INFINITY
    for (const lanes of [this.#givenBack, this.#lot]) {
      for (const { busy, head } of lanes.values()) {
        if (busy || head === undefined || this.#blocked(head)) continue
        if (head.ready <= now) {
          if (head.lost === 0 || this.#o.losses?.ready(head, this.#look) !== false) return head
          continue
        }
        soonest = Math.min(soonest, head.ready)
      }
    }
    this.#changed = false
    this.#soonest = soonest
    this.#timer?.cancel()
    if (soonest < Number.POSITIVE_INFINITY) this.#timer = this.#o.runtime.timer(Math.min(soonest - now, 60_000), this.#look, true)
    return undefined
  }

  #unbuffer(): void {
    this.#bufferBytes -= this.#buffer[this.#head++]?.size ?? 0
    if (this.#head === this.#buffer.length) {
      this.#buffer = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#buffer.length) {
      this.#buffer = this.#buffer.slice(this.#head)
      this.#head = 0
    }
  }

  /** One that was given back waits for those of its key that are out; a parked one for what was sent before it. */
  #blocked(entry: Entry): boolean {
    const { key } = entry.message
    if (key === undefined) return false
    if (entry.note === undefined) {
      for (const { entry: other } of this.#out) if (other.message.key === key && other.note === undefined) return true
      return false
    }
    // One that a person put there has a place between two messages.
    if (Math.floor(entry.position) > this.#readTo) return true
    const { position } = entry
    for (const { entry: other } of this.#out)
      if (other.message.key === key && other.note === undefined && other.position < position) return true
    if ((this.#givenBack.get(key)?.head?.position ?? position) < position) return true
    for (let i = this.#head; i < this.#buffer.length; i++) {
      const other = this.#buffer[i] as Entry
      if (other.position >= position) return false
      if (other.message.key === key) return true
    }
    return false
  }

  /** One of the buffer is handed out when it is written down; what was given back meanwhile and was sent before it goes first. */
  #note(entry: Entry): void {
    const { losses, bounds } = this.#o
    if (losses === undefined || entry !== this.#buffer[this.#head]) {
      this.#handOut(entry)
      return
    }
    this.#unbuffer()
    this.#noting++
    losses.note(entry, () => {
      this.#noting--
      if (!this.#stopped && this.#givenBack.of(entry) === undefined) this.#handOut(entry)
      else {
        losses.back(entry, false)
        if (!this.#stopped) this.#givenBack.insert(entry)
        bounds.back(entry.size)
      }
      this.#look()
    })
  }

  #handOut(entry: Entry): void {
    const { shard, fence, receive } = this.#o
    const handout: Handout = { entry, writing: false, over: false, older: undefined, newer: undefined }
    const { note: parked, message } = entry
    const ahead = parked === undefined && this.#lot.size > 0 && entry.position < (this.#lot.of(entry)?.head?.position ?? 0)
    if (parked !== undefined) (this.#lot.of(entry) as { busy: boolean }).busy = true
    else if (entry === this.#buffer[this.#head]) this.#unbuffer()
    else if (this.#givenBack.size > 0) this.#givenBack.remove(entry)
    this.#out.add(handout)
    this.#o.losses?.handedOut(entry)
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = receive({ message, shard, lost: entry.lost, parked, ahead, fence, signal: this.#lost.signal })
    } catch {
      settlement = later
    }
    if (settlement instanceof Promise)
      settlement.then(
        (value) => this.#settle(handout, value),
        () => this.#settle(handout, later),
      )
    else this.#settle(handout, settlement)
  }

  #settle(handout: Handout, settlement: Settlement): void {
    const { entry } = handout
    if (handout.over) return
    // One that came later must not overtake those that wait: what they send is in order too.
    if (this.#unsure.length > 0 || !this.#o.owned()) {
      this.#wait(handout, settlement)
      return
    }
    if ('release' in settlement || ('emit' in settlement && settlement.emit.length === 0 && entry.note === undefined)) {
      this.#settled(handout, settlement)
      return
    }
    handout.writing = true
    void this.#carryOut(entry, settlement).then((outcome) => {
      if (!handout.over) this.#settled(handout, outcome)
    })
  }

  /**
   * It is not known whether the shard is still owned: where it turns out to be, the settlement counts, and where it was lost, `lose`
   * has ended the handout. Forgotten, it would keep its key waiting for ever.
   */
  #wait(handout: Handout, settlement: Settlement): void {
    this.#unsure.push([handout, settlement])
    this.#retry ??= this.#o.runtime.timer(
      unsurePause,
      () => {
        this.#retry = undefined
        for (const [one, its] of this.#unsure.splice(0)) this.#settle(one, its)
      },
      true,
    )
  }

  /** What could be done of it. */
  async #carryOut(entry: Entry, settlement: Settlement): Promise<Settlement> {
    const { parks, sender } = this.#o
    try {
      if ('emit' in settlement && settlement.emit.length > 0) {
        const results = await sender.send(settlement.emit)
        for (const [index, result] of results.entries()) if (typeof result !== 'string' && settlement.emit[index]?.durable) throw result
      }
      if ('park' in settlement) await (entry.note ? parks.amend(entry, settlement.park) : parks.add(entry, settlement.park))
      else if ('emit' in settlement && entry.note) await parks.remove(entry)
      return settlement
    } catch {
      return later
    }
  }

  #settled(handout: Handout, outcome: Settlement): void {
    const { entry } = handout
    this.#back(handout, !('release' in outcome))
    const parkedBefore = entry.note !== undefined
    if ('release' in outcome) this.#restore(entry, outcome.release.after ?? 0)
    else {
      if ('park' in outcome) {
        entry.note = outcome.park
        entry.due = 0
        if (!parkedBefore) this.#lot.insert(entry)
      } else if (parkedBefore) this.#lot.remove(entry)
      if (!parkedBefore) this.#o.cursor.settled(entry.position)
    }
    if (this.#lot.size > 0 || this.#givenBack.size > 0) this.#changed = true
    // Last: it wakes whoever waits for room, and all must be in its place by then.
    this.#o.bounds.back(entry.size)
    this.#pump()
    this.#told()
    if ('release' in outcome && !this.#stopped) this.#o.released()
  }

  #restore(entry: Entry, after: number): void {
    // Never at once: a receiver that gives everything back must not keep the event loop from all others.
    entry.due = this.#o.runtime.now() + Math.max(after, 2)
    if (entry.note === undefined) this.#givenBack.insert(entry)
  }

  #back(handout: Handout, settled: boolean): void {
    this.#out.remove(handout)
    handout.over = true
    const { entry } = handout
    this.#o.losses?.back(entry, settled)
    if (entry.note !== undefined) {
      const lane = this.#lot.of(entry)
      if (lane) lane.busy = false
    }
  }

  /** Somebody else changed a parked message, put one there or (`undefined`) took it away. One that is handed out stays as it is. */
  lotChanged(handle: unknown, entry: Entry | undefined): void {
    if (this.#stopped) return
    for (const lane of this.#lot.values()) {
      const at = lane.entries.findIndex((one) => one.handle === handle)
      const there = lane.entries[at]
      if (there === undefined) continue
      if (lane.busy && at === 0) return
      if (entry === undefined) this.#lot.remove(there)
      else if (entry.message.key === there.message.key) lane.entries[at] = entry
      this.#changed = true
      this.#pump()
      return
    }
    if (entry === undefined) return
    this.#lot.insert(entry)
    this.#changed = true
    this.#pump()
  }

  isParked(handle: unknown): boolean {
    for (const lane of this.#lot.values()) if (lane.entries.some((one) => one.handle === handle)) return true
    return false
  }

  /** Somebody else took a message of the log away: it is not handed out any more, where it was not yet. */
  discarded(position: number): void {
    for (const { entry } of this.#out) if (entry.note === undefined && entry.position === position) return
    for (let i = this.#head; i < this.#buffer.length; i++)
      if ((this.#buffer[i] as Entry).position === position) {
        this.#bufferBytes -= (this.#buffer.splice(i, 1)[0] as Entry).size
        break
      }
    for (const lane of this.#givenBack.values()) {
      const entry = lane.entries.find((one) => one.position === position)
      if (entry === undefined) continue
      this.#givenBack.remove(entry)
      this.#o.losses?.back(entry, true)
      this.#changed = true
      break
    }
    this.#o.cursor.skip(position)
    this.#pump()
  }

  /** Hands out nothing more. `announce`: the shard goes to another member. */
  stop(announce: boolean): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    if (announce) this.#o.options.revoking?.(this.#o.shard)
  }

  /** Resolves when nothing is out any more. */
  drained(): Promise<void> {
    return this.#out.isEmpty ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #told(): void {
    if (this.#out.isEmpty && this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve()
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
    for (const handout of dropped) this.#back(handout, false)
    for (const { entry } of dropped) this.#o.bounds.back(entry.size)
    this.#told()
  }

  /** After `drained`: the cursor is written, the log let go of. */
  async end(): Promise<void> {
    await this.#o.log.close().catch(() => undefined)
    await this.#o.cursor.flush()
  }
}
