import type { Message } from '../../../message/message.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { TimeHeap } from '../../../runtime/time-heap.ts'
import type { Entry } from '../../shared/entry.ts'
import { insert, type Key, keyOf, Lane, remove } from './aside-lane.ts'

interface Due {
  readonly at: number
  readonly order: number
  readonly key: Key
}

/**
 * What stands aside of a shard's flow: given back, or parked. Hands each out in its order: what was given back when none of its key is
 * out, what is parked one at a time, when all that was sent before it is settled.
 */
export class Aside {
  readonly #runtime: Runtime
  readonly #lanes = new Map<Key, Lane>()
  readonly #heap = new TimeHeap<Due>()
  #order = 0
  #givenBack = 0
  /** On the way to the parking lot. */
  readonly #parking = new Set<Entry>()
  /** Ids that were parked when the shard was taken over: another message of that id in the queue may be its original. */
  readonly #copies = new Set<string>()
  /** Of what was parked at the takeover: the ids that went before it and may still come from the queue, in order. */
  readonly #before = new Map<Entry, readonly string[]>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** How many keys (and unkeyed messages) stand aside. 0: everything simply flows. */
  get size(): number {
    return this.#lanes.size
  }

  get givenBack(): number {
    return this.#givenBack
  }

  load(parked: readonly Entry[], before: ReadonlyMap<Entry, readonly string[]>): void {
    for (const entry of parked) {
      this.#copies.add(entry.message.id)
      const ids = before.get(entry)
      if (ids !== undefined && ids.length > 0) this.#before.set(entry, ids)
      const key = keyOf(entry)
      const lane = this.#lanes.get(key) ?? new Lane()
      this.#lanes.set(key, lane)
      insert(lane.lot, entry)
    }
    for (const [key, lane] of this.#lanes) this.#plan(key, lane)
  }

  counts(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const [key, { lot }] of this.#lanes) if (typeof key === 'string' && lot.length > 0) counts.set(key, lot.length)
    return counts
  }

  /** All that former owners had out has come, or will not come any more. */
  reachedNew(): void {
    this.#copies.clear()
    if (this.#before.size === 0) return
    this.#before.clear()
    for (const [key, lane] of this.#lanes) this.#plan(key, lane)
  }

  get unsure(): boolean {
    return this.#before.size > 0
  }

  /** One that comes again and was parked: the copy is in the lot. */
  isCopy(id: string): boolean {
    return this.#copies.delete(id)
  }

  /** The place of a message that comes again and went before what is parked of its key. */
  placeOf({ id, key }: Message): number | undefined {
    if (this.#before.size === 0 || key === undefined) return undefined
    for (const parked of this.#lanes.get(key)?.lot ?? []) {
      const ids = this.#before.get(parked)
      const index = ids?.indexOf(id) ?? -1
      if (ids === undefined || index < 0) continue
      const gap = Number.isInteger(parked.position) ? 1 : 1e-6
      return parked.position - (gap * (ids.length - index)) / (ids.length + 1)
    }
    return undefined
  }

  isAhead(entry: Entry): boolean {
    const head = this.#lanes.get(keyOf(entry))?.lot[0]
    return head !== undefined && entry.position < head.position
  }

  has(key: Key): boolean {
    return this.#lanes.has(key)
  }

  /** The key stands aside from now on: of its messages these are out, and these wait. */
  open(key: Key, out: readonly Entry[], waiting: readonly Entry[]): void {
    const lane = new Lane()
    for (const entry of out) lane.out.add(entry)
    for (const entry of [...out, ...waiting]) lane.open.add(entry)
    this.#lanes.set(key, lane)
  }

  came(entry: Entry): void {
    this.#lanes.get(keyOf(entry))?.open.add(entry)
  }

  /** Whether it must wait behind what was given back of its key. */
  holdsBack(entry: Entry): boolean {
    return (this.#lanes.get(keyOf(entry))?.back.length ?? 0) > 0
  }

  /** It goes out. */
  take(entry: Entry): void {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key)
    if (lane === undefined) return
    if (entry.note !== undefined) lane.busy = true
    else {
      if (remove(lane.back, entry)) this.#givenBack--
      lane.out.add(entry)
      lane.open.add(entry)
    }
    this.#plan(key, lane)
  }

  /** `out`: it was out; otherwise it only joins those that wait. */
  giveBack(entry: Entry): void {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key) as Lane
    if (entry.note === undefined) {
      lane.out.delete(entry)
      lane.open.add(entry)
      insert(lane.back, entry)
      this.#givenBack++
    } else lane.busy = false
    this.#plan(key, lane)
  }

  parking(entry: Entry): void {
    this.#parking.add(entry)
  }

  notParking(entry: Entry): void {
    this.#parking.delete(entry)
  }

  isParking(entry: Entry): boolean {
    return this.#parking.has(entry)
  }

  /** Into the lot, or in its place there again. False where it is there. */
  park(entry: Entry): boolean {
    this.#parking.delete(entry)
    const key = keyOf(entry)
    const lane = this.#lanes.get(key) as Lane
    const fresh = !lane.lot.includes(entry)
    if (fresh) insert(lane.lot, entry)
    else lane.busy = false
    this.#plan(key, lane)
    return fresh
  }

  /** A message of the queue is settled. */
  settled(entry: Entry): void {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key)
    if (lane === undefined) return
    lane.out.delete(entry)
    lane.open.delete(entry)
    const { id } = entry.message
    for (const [parked, ids] of this.#before) if (ids.includes(id)) this.#forget(parked, ids, id)
    this.#plan(key, lane)
  }

  #forget(parked: Entry, ids: readonly string[], id: string): void {
    const rest = ids.filter((other) => other !== id)
    if (rest.length > 0) this.#before.set(parked, rest)
    else this.#before.delete(parked)
  }

  /** A parked message is done with. */
  remove(entry: Entry): void {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key)
    if (lane === undefined) return
    lane.busy = false
    remove(lane.lot, entry)
    this.#before.delete(entry)
    this.#plan(key, lane)
  }

  /** While something of the lot is changed nothing of its key goes out. False where it is not there. */
  hold(entry: Entry, by: 1 | -1): boolean {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key)
    if (lane === undefined || (by > 0 && !lane.lot.includes(entry))) return false
    lane.holds += by
    this.#plan(key, lane)
    return true
  }

  /** Puts another in its place, or nothing. False where it does not stand aside. */
  replace(old: Entry, entry: Entry | undefined): boolean {
    const key = keyOf(old)
    const lane = this.#lanes.get(key)
    const list = old.note === undefined ? lane?.back : lane?.lot
    const at = list?.indexOf(old) ?? -1
    if (lane === undefined || list === undefined || at < 0) return false
    if (entry !== undefined) list[at] = entry
    else {
      list.splice(at, 1)
      lane.open.delete(old)
      if (list === lane.back) this.#givenBack--
    }
    const before = this.#before.get(old)
    this.#before.delete(old)
    if (entry !== undefined && before !== undefined) this.#before.set(entry, before)
    this.#plan(key, lane)
    return true
  }

  parked(): Entry[] {
    return [...this.#lanes.values()].flatMap(({ lot }) => lot).sort((a, b) => a.position - b.position)
  }

  returned(): Entry[] {
    return [...this.#lanes.values()].flatMap(({ back }) => back)
  }

  returnedOf(key: Key): readonly Entry[] {
    return this.#lanes.get(key)?.back ?? []
  }

  /** What may go out now. */
  ready(): Entry | undefined {
    const now = this.#runtime.now()
    for (let due = this.#heap.first; due !== undefined && due.at <= now; due = this.#heap.first) {
      const lane = this.#lanes.get(due.key)
      const entry = lane === undefined ? undefined : this.#first(lane)
      if (entry !== undefined && entry.ready <= now) return entry
      this.#heap.shift()
      if (lane === undefined) continue
      if (lane.planned === due.at) lane.planned = Number.POSITIVE_INFINITY
      this.#plan(due.key, lane)
    }
    return undefined
  }

  /** Milliseconds until something may go out. */
  wait(): number | undefined {
    const { first } = this.#heap
    return first === undefined ? undefined : Math.max(0, first.at - this.#runtime.now())
  }

  /** The one of the lane that goes next, once it is due. */
  #first(lane: Lane): Entry | undefined {
    const back = lane.out.size === 0 ? lane.back[0] : undefined
    const head = this.#free(lane)
    if (back === undefined || head === undefined) return back ?? head
    return head.ready < back.ready ? head : back
  }

  /** The head of the lot, where nothing that was sent before it is unsettled. */
  #free(lane: Lane): Entry | undefined {
    const [head] = lane.lot
    if (head === undefined || lane.busy || lane.holds > 0 || this.#before.has(head)) return undefined
    for (const open of lane.open) if (open.position < head.position) return undefined
    return head
  }

  #plan(key: Key, lane: Lane): void {
    if (lane.back.length === 0 && lane.lot.length === 0) {
      this.#lanes.delete(key)
      return
    }
    const at = this.#first(lane)?.ready ?? Number.POSITIVE_INFINITY
    if (at >= lane.planned) return
    lane.planned = at
    this.#heap.push({ at, order: ++this.#order, key })
  }
}
