/** What is kept until a time; `order` decides between those of one time. */
export interface Timed {
  readonly at: number
  readonly order: number
}

/** A binary heap of what waits, the soonest first. */
export class TimeHeap<T extends Timed> {
  readonly #heap: T[] = []

  get first(): T | undefined {
    return this.#heap[0]
  }

  push(item: T): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(item)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as T
      if (!sooner(item, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = item
  }

  /** Takes the first away. */
  shift(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && sooner(heap[child + 1] as T, heap[child] as T)) child++
      if (!sooner(heap[child] as T, last)) break
      heap[i] = heap[child] as T
      i = child
    }
    heap[i] = last
  }
}

function sooner(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
