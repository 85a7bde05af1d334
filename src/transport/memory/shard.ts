import type { FaultPoint } from '../../runtime/runtime.ts'
import type { ParkNote, SubscribeOptions } from '../seam.ts'
import { type Entry, type Handout, Hold } from './entry.ts'
import type { Host } from './host.ts'
import { Lane, type LaneKey, laneKey } from './lane.ts'
import { type Linked, List } from './list.ts'

/** The member that owns a shard, as the shard and its group see it. */
export interface Owner {
  readonly id: string
  readonly options: SubscribeOptions
  readonly transport: { pass(point: FaultPoint): Promise<void> | undefined }
  readonly callers: List<Shard>
  readonly active: boolean
  readonly hasRoom: boolean
  readonly stopped: boolean
  schedule(): void
  forget(shard: Shard): void
  back(out: Handout<Shard>): void
}

/** The group as its shards see it. */
export interface Household {
  readonly hub: Host
  readonly durable: boolean
  readonly topic: { readonly transient: readonly object[] }
}

/** The unit of order and of ownership in a group: a queue, what is out of it, and its parking lot. */
export class Shard implements Linked<Shard> {
  prev: Shard | undefined = undefined
  next: Shard | undefined = undefined
  readonly group: Household
  readonly name: string
  readonly queue = new List<Entry>()
  readonly out = new List<Handout<Shard>>()
  /** Keys with something given back or lost, which must come before what is in the queue. */
  readonly lanes = new Map<LaneKey, Lane>()
  readonly lot = new Map<LaneKey, Lane>()
  /** The lanes whose head may be handed out, and those whose head may be as its member's only suspect. */
  readonly ready = new List<Lane>()
  readonly suspects = new List<Lane>()
  owner: Owner | undefined
  hold = new Hold(0)
  /** Who is to own it next. */
  wanted: Owner | undefined
  revoking = false
  /** Stands in its owner's list of shards with something to hand out. */
  called = false

  constructor(group: Household, name: string) {
    this.group = group
    this.name = name
  }

  add(entry: Entry): void {
    this.queue.push(entry)
    if (!this.called) this.call()
  }

  /** Tells the owner that there may be something to hand out. */
  call(): void {
    if (this.called || this.owner === undefined || this.revoking) return
    this.called = true
    this.owner.callers.push(this)
    this.owner.schedule()
  }

  get idle(): boolean {
    return this.queue.head === undefined && this.ready.head === undefined && this.suspects.head === undefined
  }

  /** What is to be handed out next. It stays where it is until `take`. */
  peek(suspectAllowed: boolean): Entry | undefined {
    const lane = this.ready.head ?? (suspectAllowed ? this.suspects.head : undefined)
    if (lane !== undefined) return lane.entries.head
    for (let head = this.queue.head; head !== undefined; head = this.queue.head) {
      if (this.lanes.size === 0) return head
      const behind = this.lanes.get(laneKey(head))
      if (behind === undefined) return head
      this.queue.remove(head)
      behind.entries.push(head)
    }
    return undefined
  }

  /** Takes what `peek` returned from its place; a parked message keeps its own. */
  take(entry: Entry, out: Handout<Shard> | undefined): void {
    entry.out = out
    if (entry === this.queue.head) {
      this.queue.remove(entry)
      return
    }
    if (entry.note === undefined) {
      const lane = this.lanes.get(laneKey(entry)) as Lane
      lane.entries.remove(entry)
      lane.review()
      return
    }
    const lane = this.lot.get(laneKey(entry))
    if (lane === undefined) return
    lane.busy = true
    lane.review()
  }

  /** The handout is settled or lost: it is out no more. What becomes of the entry comes next. */
  back(out: Handout<Shard>): void {
    out.over = true
    out.entry.out = undefined
    this.out.remove(out)
    if (out.entry.note !== undefined) {
      const lane = this.lot.get(laneKey(out.entry))
      if (lane !== undefined) lane.busy = false
      return
    }
    const behind = this.lanes.size === 0 ? undefined : this.lanes.get(laneKey(out.entry))
    if (behind !== undefined && behind.waitFor > 0 && --behind.waitFor === 0) behind.review()
  }

  /** Gives an unsettled entry back to its place, not to be handed out before `due`. */
  restore(entry: Entry, due: number): void {
    entry.due = due
    if (entry.out === undefined) entry.amended = false
    if (entry.note !== undefined) {
      this.lot.get(laneKey(entry))?.review()
      return
    }
    const lane = this.#lane(this.lanes, entry)
    lane.insert(entry)
    lane.waitFor = this.#outOf(entry.key)
    lane.review()
  }

  /** The entry, which is out, will be given back: nothing that was sent after it is handed out from now on. */
  bar(entry: Entry): void {
    if (entry.key === undefined || entry.note !== undefined) return
    const lane = this.#lane(this.lanes, entry)
    lane.waitFor = this.#outOf(entry.key)
    lane.review()
  }

  #outOf(key: string | undefined): number {
    let count = 0
    if (key !== undefined)
      for (let out = this.out.head; out !== undefined; out = out.next) if (out.entry.key === key && out.entry.note === undefined) count++
    return count
  }

  /** Among its key's parked messages in the order in which they were sent, or with a new note where it stands. */
  park(entry: Entry, note: ParkNote): void {
    const again = entry.note !== undefined
    entry.note = entry.amended ? { ...note, order: entry.note?.order } : note
    entry.amended = false
    entry.due = 0
    const lane = this.#lane(this.lot, entry)
    if (!again) lane.insert(entry)
    lane.review()
  }

  /** A message of the queue is settled, given back or lost: those of its key that are parked may have waited for it. */
  unblock(entry: Entry): void {
    if (this.lot.size > 0 && entry.key !== undefined) this.lot.get(entry.key)?.review()
  }

  /** Whether an earlier message of the parked one's key lies unsettled in the queue. */
  isBehind(parked: Entry): boolean {
    const { key, seq } = parked
    if (key === undefined) return false
    const waiting = this.lanes.get(key)?.entries.head
    if (waiting !== undefined && waiting.seq < seq) return true
    for (let out = this.out.head; out !== undefined; out = out.next)
      if (out.entry.key === key && out.entry.note === undefined && out.entry.seq < seq) return true
    return false
  }

  /** Whether the message of the queue was sent before the parked ones of its key. */
  isAhead(entry: Entry): boolean {
    const parked = entry.note === undefined && entry.key !== undefined ? this.lot.get(entry.key)?.entries.head : undefined
    return parked !== undefined && entry.seq < parked.seq
  }

  /** Takes an entry that is not handed out from wherever it stands. */
  drop(entry: Entry): void {
    const lane = (entry.note === undefined ? this.lanes : this.lot).get(laneKey(entry))
    for (let at = lane?.entries.head; at !== undefined; at = at.next) {
      if (at !== entry) continue
      lane?.entries.remove(entry)
      lane?.review()
      return
    }
    this.queue.remove(entry)
  }

  /** The keys with parked messages and how many each has. */
  parkedKeys(): Map<string, number> {
    const keys = new Map<string, number>()
    for (const [key, lane] of this.lot) if (typeof key === 'string') keys.set(key, lane.entries.size)
    return keys
  }

  /** Everything stored here and not parked, in no particular order; or everything parked. */
  *stored(parked: boolean): Generator<Entry> {
    for (const lane of (parked ? this.lot : this.lanes).values()) for (let at = lane.entries.head; at !== undefined; at = at.next) yield at
    if (parked) return
    for (let at = this.queue.head; at !== undefined; at = at.next) yield at
    for (let at = this.out.head; at !== undefined; at = at.next) if (at.entry.note === undefined) yield at.entry
  }

  #lane(lanes: Map<LaneKey, Lane>, entry: Entry): Lane {
    const key = laneKey(entry)
    let lane = lanes.get(key)
    if (lane === undefined) lanes.set(key, (lane = new Lane(this, key, lanes === this.lot)))
    return lane
  }
}
