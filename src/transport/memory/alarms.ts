import type { Runtime, Timer } from '../../runtime/runtime.ts'

export interface Sleeper {
  /** Called at or after the time asked for. May be called once too often. */
  wake(): void
}

interface Alarm {
  readonly at: number
  readonly order: number
  readonly sleeper: Sleeper
}

/** Everything that waits for a time, behind one timer. */
export class Alarms {
  readonly #runtime: Runtime
  readonly #heap: Alarm[] = []
  #order = 0
  #timer: Timer | undefined
  #armedFor = Number.POSITIVE_INFINITY
  #running = true

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Wakes `sleeper` at `at`, milliseconds since 1970. */
  set(at: number, sleeper: Sleeper): void {
    const heap = this.#heap
    const alarm = { at, order: this.#order++, sleeper }
    let i = heap.length
    heap.push(alarm)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Alarm
      if (!sooner(alarm, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = alarm
    if (at < this.#armedFor) this.#arm()
  }

  /** Without an open transport nothing may hold the process open. */
  run(running: boolean): void {
    this.#running = running
    this.#arm()
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const first = this.#heap[0]
    this.#armedFor = first === undefined || !this.#running ? Number.POSITIVE_INFINITY : first.at
    if (this.#armedFor === Number.POSITIVE_INFINITY) return
    // A timer may wait 2^31 ms at most.
    this.#timer = this.#runtime.timer(Math.min(Math.max(0, this.#armedFor - this.#runtime.now()), 2 ** 31 - 1), this.#ring)
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#runtime.now()
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#shift()
      first.sleeper.wake()
    }
    this.#arm()
  }

  #shift(): void {
    const heap = this.#heap
    const last = heap.pop() as Alarm
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && sooner(heap[child + 1] as Alarm, heap[child] as Alarm)) child++
      if (!sooner(heap[child] as Alarm, last)) break
      heap[i] = heap[child] as Alarm
      i = child
    }
    heap[i] = last
  }
}

function sooner(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
