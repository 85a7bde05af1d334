import type { Runtime, Timer } from '../runtime/runtime.ts'

/** Something that must have ended by a time of the monotonic clock. */
export interface Dated {
  deadline: number
  /** Where it stands, kept by `Deadlines`: its place in the heap, `nowhere` or `inLine`. */
  slot: number
  /** Its neighbours in the line. */
  sooner: Dated | undefined
  later: Dated | undefined
  expired(): void
}

export const nowhere = -1
const inLine = -2

/**
 * The deadlines of everything that is in flight, with one timer for the earliest, so that ten thousand requests need no ten
 * thousand timers. Most wait equally long, so that each ends after those before it: they stand in a line, where coming and
 * going costs nothing. What ends before the last of the line goes to a binary heap. Taking out is exact: what has ended leaves
 * nothing behind until its deadline.
 */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #heap: Dated[] = []
  #first: Dated | undefined
  #last: Dated | undefined
  #lined = 0
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  get size(): number {
    return this.#heap.length + this.#lined
  }

  add(item: Dated): void {
    const last = this.#last
    if (last === undefined || last.deadline <= item.deadline) {
      item.slot = inLine
      item.sooner = last
      if (last === undefined) this.#first = item
      else last.later = item
      this.#last = item
      this.#lined++
    } else {
      item.slot = this.#heap.length
      this.#heap.push(item)
      this.#up(item.slot)
    }
    if (item.deadline < this.#due) this.#arm(item.deadline)
  }

  remove(item: Dated): void {
    const { slot } = item
    if (slot === nowhere) return
    item.slot = nowhere
    if (slot === inLine) this.#unline(item)
    else this.#unheap(item, slot)
  }

  #unline(item: Dated): void {
    const { sooner, later } = item
    if (sooner === undefined) this.#first = later
    else sooner.later = later
    if (later === undefined) this.#last = sooner
    else later.sooner = sooner
    item.sooner = undefined
    item.later = undefined
    this.#lined--
  }

  #unheap(item: Dated, slot: number): void {
    const last = this.#heap.pop() as Dated
    if (last === item) return
    this.#heap[slot] = last
    last.slot = slot
    this.#down(slot)
    this.#up(last.slot)
  }

  get #earliest(): Dated | undefined {
    const top = this.#heap[0]
    const first = this.#first
    if (top === undefined || first === undefined) return top ?? first
    return top.deadline < first.deadline ? top : first
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
    for (let first = this.#earliest; first !== undefined && first.deadline <= now; first = this.#earliest) {
      this.remove(first)
      first.expired()
    }
    const next = this.#earliest
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
