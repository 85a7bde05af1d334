import type { Runtime, Timer } from '../runtime/runtime.ts'

/** Something that must have ended by a time of the monotonic clock. */
export interface Dated {
  deadline: number
  /** Its place in the heap, kept by `Deadlines`; -1 where it is in none. */
  slot: number
  expired(): void
}

/**
 * The deadlines of everything that is in flight: a binary heap with one timer for the earliest, so that ten thousand
 * requests need no ten thousand timers. Taking out is exact: what has ended leaves nothing behind until its deadline.
 */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #heap: Dated[] = []
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get size(): number {
    return this.#heap.length
  }

  add(item: Dated): void {
    item.slot = this.#heap.length
    this.#heap.push(item)
    this.#up(item.slot)
    const earliest = (this.#heap[0] as Dated).deadline
    if (earliest < this.#due) this.#arm(earliest)
  }

  remove(item: Dated): void {
    const { slot } = item
    if (slot < 0) return
    item.slot = -1
    const last = this.#heap.pop() as Dated
    if (last === item) return
    this.#heap[slot] = last
    last.slot = slot
    this.#down(slot)
    this.#up(last.slot)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#due = Number.POSITIVE_INFINITY
  }

  // The timer is left running when its item ends early: it finds nothing due and is set anew, which is cheaper than a timer a request.
  #arm(at: number): void {
    this.#timer?.cancel()
    this.#due = at
    this.#timer = this.#runtime.timer(Math.max(0, Math.ceil(at - this.#runtime.monotonic())), () => this.#run())
  }

  #run(): void {
    this.#timer = undefined
    this.#due = Number.POSITIVE_INFINITY
    const now = this.#runtime.monotonic()
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= now; first = this.#heap[0]) {
      this.remove(first)
      first.expired()
    }
    const next = this.#heap[0]
    // What has just expired may have added something that set the timer already.
    if (next !== undefined && next.deadline < this.#due) this.#arm(next.deadline)
  }

  #up(from: number): void {
    const heap = this.#heap
    const item = heap[from] as Dated
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Dated
      if (above.deadline <= item.deadline) break
      heap[at] = above
      above.slot = at
      at = parent
    }
    heap[at] = item
    item.slot = at
  }

  #down(from: number): void {
    const heap = this.#heap
    const item = heap[from] as Dated
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Dated).deadline < (heap[child] as Dated).deadline) child++
      const below = heap[child] as Dated
      if (below.deadline >= item.deadline) break
      heap[at] = below
      below.slot = at
      at = child
    }
    heap[at] = item
    item.slot = at
  }
}
