import type { Sleeper } from './alarms.ts'
import type { Entry } from './entry.ts'
import type { Host } from './host.ts'
import { type Linked, List } from './list.ts'

/** An unkeyed message is its own key: nothing waits for it. */
export type LaneKey = string | Entry

export const laneKey = (entry: Entry): LaneKey => entry.key ?? entry

/** The shard as its lanes see it. */
export interface Bed {
  readonly group: { readonly hub: Host }
  readonly lanes: Map<LaneKey, Lane>
  readonly lot: Map<LaneKey, Lane>
  readonly ready: List<Lane>
  readonly suspects: List<Lane>
  isBehind(parked: Entry): boolean
  call(): void
}

/**
 * Messages of one key which do not simply flow through the shard's queue. Either given back (or lost) ones, with what
 * came behind them; or parked ones, which stay in their place while they are handed out, one at a time.
 */
export class Lane implements Linked<Lane>, Sleeper {
  prev: Lane | undefined = undefined
  next: Lane | undefined = undefined
  readonly entries = new List<Entry>()
  /** How many messages of the key must be settled before the lane opens: they were out behind the one given back. */
  waitFor = 0
  /** A parked message of the key is handed out. */
  busy = false
  readonly key: LaneKey
  readonly parked: boolean
  readonly #shard: Bed
  #list: List<Lane> | undefined

  constructor(shard: Bed, key: LaneKey, parked: boolean) {
    this.#shard = shard
    this.key = key
    this.parked = parked
  }

  /** Puts the lane among those whose head may be handed out, or takes it away; called whenever something of it changed. */
  review(): void {
    this.#list?.remove(this)
    this.#list = undefined
    const head = this.entries.head
    const lanes = this.parked ? this.#shard.lot : this.#shard.lanes
    if (head === undefined) {
      if (this.waitFor === 0) lanes.delete(this.key)
      return
    }
    if (this.busy || this.waitFor > 0 || (this.parked && this.#shard.isBehind(head))) return
    const due = dueOf(head)
    if (due > 0 && due > this.#shard.group.hub.runtime.now()) {
      if (due !== Number.POSITIVE_INFINITY) this.#shard.group.hub.alarms.set(due, this)
      return
    }
    this.#list = head.suspect ? this.#shard.suspects : this.#shard.ready
    this.#list.push(this)
    this.#shard.call()
  }

  wake(): void {
    if ((this.parked ? this.#shard.lot : this.#shard.lanes).get(this.key) === this) this.review()
  }

  /** Before everything that was sent after it. */
  insert(entry: Entry): void {
    const { entries } = this
    if (entries.tail === undefined || entries.tail.seq < entry.seq) return entries.push(entry)
    let place = entries.head as Entry
    while (place.seq < entry.seq) place = place.next as Entry
    entries.insertBefore(place, entry)
  }
}

/** A parked message waits for its time, or for a person; a released one for its time. */
function dueOf({ note, due }: Entry): number {
  if (note === undefined) return due
  return Math.max(due, note.due ?? (note.order === undefined ? Number.POSITIVE_INFINITY : 0))
}
