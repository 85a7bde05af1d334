import type { Message } from '../../message/message.ts'
import type { Delivery, Outgoing, ParkNote } from '../seam.ts'
import { frameOf, type Packer } from './packer.ts'
import type { Owned, ParkedId, ParkRow, ShardLog, ShardSettlement } from './protocol.ts'

/** One message in this process's hands: handed out, or given back and kept for later. */
export class Entry implements Delivery {
  readonly message: Message
  readonly from: OwnedShard
  readonly pos: number
  readonly sub: number
  readonly bytes: number
  readonly lost: number
  readonly parked: ParkNote | undefined
  /** Its row in the parked table is all that the store knows of it: it left the log. */
  row: boolean
  /** Sent before the parked ones of its key, as of when it was handed out. */
  ahead = false
  /** Handed out, and its settlement still counts. */
  out = false
  /** Settled, as far as the log is concerned. */
  done = false
  /** Given back: not to be handed out before this time. */
  due = 0

  constructor(from: OwnedShard, message: Message, pos: number, sub: number, bytes: number, parked?: ParkNote, lost = 0) {
    this.from = from
    this.message = message
    this.pos = pos
    this.sub = sub
    this.bytes = bytes
    this.parked = parked
    this.lost = lost
    this.row = parked !== undefined
  }

  get shard(): string {
    return this.from.name
  }

  get fence(): number {
    return this.from.epoch
  }

  get signal(): AbortSignal {
    return this.from.lostSignal.signal
  }
}

/** Messages of a key (or one without a key) that were given back, and those of the log that must wait behind them. */
export interface Lane {
  readonly entries: Entry[]
}

/** How far behind a slow message may keep the log from being trimmed, in messages. */
const farBehind = 10_000

/** A shard that this process owns: what of it is out, and what is to be written about it. */
export class OwnedShard {
  readonly index: number
  readonly name: string
  readonly epoch: number
  readonly lostSignal = new AbortController()
  /** The next position of the log to look at. */
  read: number
  /** Settled by an owner before. */
  readonly #inherited: Set<number>
  readonly #inheritedHeld: Map<number, number>
  /** What was read and lies in the log, by position; settled ones at the front are taken out. */
  #window: Entry[] = []
  #first = 0
  readonly lanes = new Map<string | Entry, Lane>()
  /** The first position of each parked key, at the latest. */
  readonly #parkedFirst: Map<string, number>
  /** How often something was parked here, as far as is known, and how often when the lot was last seen empty. */
  parks: number
  #parksWhenEmpty = 0
  outCount = 0
  revoking = false
  wanted: string | null = null
  /** Taken by another member. */
  gone = false
  dirty = false
  #parks: ParkRow[] = []
  /** What was parked since the store was asked what is due, or was not written then: it does not know of these. */
  #unheard: Pick<ParkRow, 'key' | 'pos'>[] = []
  #removes: ParkedId[] = []
  readonly #packer: Packer
  #transient: Outgoing[] = []

  constructor(owned: Owned, packer: Packer) {
    this.index = owned.shard
    this.name = String(owned.shard)
    this.epoch = owned.epoch
    this.read = owned.acked
    this.#inherited = new Set(owned.state.settled)
    this.#inheritedHeld = new Map(owned.state.held)
    this.#parkedFirst = new Map(owned.parked.map(([key, , first]) => [key, first]))
    this.parks = owned.parkedTotal
    this.#packer = packer
  }

  isAhead(key: string | undefined, pos: number): boolean {
    if (this.#parkedFirst.size === 0 || key === undefined) return false
    const first = this.#parkedFirst.get(key)
    return first !== undefined && pos < first
  }

  /** A message that was read: whether it was settled by an owner before. */
  wasSettled(pos: number): boolean {
    return this.#inherited.size > 0 && this.#inherited.has(pos)
  }

  /** Takes a message of the log. The lane where it must wait, or undefined: it may be handed out. */
  take(entry: Entry): Lane | undefined {
    this.#window.push(entry)
    const due = this.#inheritedHeld.size > 0 ? this.#inheritedHeld.get(entry.pos) : undefined
    const lane = this.lanes.size > 0 ? this.lanes.get(laneKey(entry)) : undefined
    if (due !== undefined) {
      this.#inheritedHeld.delete(entry.pos)
      return this.hold(entry, due)
    }
    if (lane) lane.entries.push(entry)
    return lane
  }

  /** Keeps a message that was given back, in its place among those of its key. */
  hold(entry: Entry, due: number): Lane {
    entry.due = due
    const key = laneKey(entry)
    let lane = this.lanes.get(key)
    if (lane === undefined) this.lanes.set(key, (lane = { entries: [] }))
    const at = lane.entries.findIndex((other) => other.pos > entry.pos)
    if (at < 0) lane.entries.push(entry)
    else lane.entries.splice(at, 0, entry)
    return lane
  }

  /** The store is asked now what is due. */
  asking(): void {
    this.#unheard = [...this.#parks]
  }

  /** Whether a message with this key and before this position is out or waits, or is parked and the store did not know it when it was asked. */
  isBehind(key: string | null | undefined, pos: number): boolean {
    if (key === null || key === undefined) return false
    if (this.#unheard.some((parked) => parked.key === key && parked.pos < pos)) return true
    for (let i = this.#first; i < this.#window.length; i++) {
      const entry = this.#window[i] as Entry
      if (entry.pos >= pos) return false
      if (!entry.done && entry.message.key === key) return true
    }
    return false
  }

  /** Whether a message of this key is out. */
  isOut(entry: Entry): boolean {
    const { key } = entry.message
    if (key === undefined) return false
    for (let i = this.#first; i < this.#window.length; i++) {
      const other = this.#window[i] as Entry
      if (other.pos >= entry.pos) return false
      if (other.out && other.message.key === key) return true
    }
    return false
  }

  settleWithEmissions(entry: Entry, emissions: readonly Outgoing[]): void {
    for (const emission of emissions) {
      if (emission.durable) this.#packer.add(emission)
      else this.#transient.push(emission)
    }
    if (entry.row) {
      this.#removes.push({ pos: entry.pos, sub: entry.sub })
    }
    this.#finish(entry)
  }

  park(entry: Entry, note: ParkNote): void {
    const key = entry.message.key ?? null
    const frame = entry.row ? undefined : frameOf(entry.message)
    this.#addPark({ pos: entry.pos, sub: entry.sub, key, note, frame })
    if (entry.parked === undefined) {
      this.parks++
      if (key !== null) this.#parkedFirst.set(key, Math.min(this.#parkedFirst.get(key) ?? entry.pos, entry.pos))
    }
    this.#finish(entry)
  }

  #addPark(row: ParkRow): void {
    this.#parks.push(row)
    this.#unheard.push({ key: row.key, pos: row.pos })
  }

  get hasParked(): boolean {
    return this.parks > this.#parksWhenEmpty
  }

  /** The store has no parked message of this shard, as of when `parks` was what is given. */
  emptied(parks: number): void {
    this.#parksWhenEmpty = parks
    if (!this.hasParked) this.#parkedFirst.clear()
  }

  #finish(entry: Entry): void {
    entry.done = true
    const window = this.#window
    while (this.#first < window.length && (window[this.#first] as Entry).done) this.#first++
    if (this.#first > 256 && this.#first * 2 > window.length) {
      this.#window = window.slice(this.#first)
      this.#first = 0
    }
  }

  /** What stands far behind the end of what was read leaves the log, so that it can be trimmed. */
  #evacuate(): void {
    for (let i = this.#first; i < this.#window.length; i++) {
      const entry = this.#window[i] as Entry
      if (entry.pos > this.read - farBehind) break
      if (entry.done || !entry.out) continue
      const note: ParkNote = { attempts: 0, code: 'KEY_PARKED', reason: 'its handler takes long' }
      this.#addPark({ pos: entry.pos, sub: 0, key: entry.message.key ?? null, note, frame: frameOf(entry.message), out: true })
      entry.row = true
      this.#finish(entry)
    }
  }

  /** What is to be sent once the rest is written. */
  takeTransient(): readonly Outgoing[] {
    if (this.#transient.length === 0) return this.#transient
    const taken = this.#transient
    this.#transient = []
    return taken
  }

  /** Everything that is to be written, in one step; what is settled from now on goes with the next. */
  settlement(group: number, free: boolean): ShardSettlement {
    if (this.#first < this.#window.length && (this.#window[this.#first] as Entry).pos < this.read - farBehind) this.#evacuate()
    const head = this.#window[this.#first]
    const acked = head === undefined ? this.read : head.pos
    const settlement: { -readonly [K in keyof ShardSettlement]: ShardSettlement[K] } = {
      group,
      shard: this.index,
      epoch: this.epoch,
      acked,
    }
    const state = this.#state(acked)
    if (state.settled.length > 0 || state.held.length > 0) settlement.state = state
    if (this.#packer.count > 0) {
      const { packs, delays } = this.#packer.take()
      if (packs.length > 0) settlement.emits = packs
      if (delays.length > 0) settlement.delays = delays
    }
    if (this.#parks.length > 0) {
      settlement.parks = this.#parks
      this.#parks = []
    }
    if (this.#removes.length > 0) {
      settlement.removes = this.#removes
      this.#removes = []
    }
    this.dirty = false
    if (free) settlement.free = { wanted: this.wanted }
    return settlement
  }

  #state(acked: number): ShardLog {
    const settled: number[] = []
    for (const pos of this.#inherited) {
      if (pos < acked) this.#inherited.delete(pos)
      else settled.push(pos)
    }
    for (let i = this.#first; i < this.#window.length; i++) {
      const entry = this.#window[i] as Entry
      if (entry.done) settled.push(entry.pos)
    }
    const held: [number, number][] = [...this.#inheritedHeld]
    for (const { entries } of this.lanes.values())
      for (const entry of entries) if (entry.due > 0 && !entry.row) held.push([entry.pos, entry.due])
    return { settled, held }
  }
}

export const laneKey = (entry: Entry): string | Entry => entry.message.key ?? entry
