import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { type Timed, TimeHeap } from '../../runtime/time-heap.ts'

export interface Sleeper {
  /** Called at or after the time asked for. May be called once too often. */
  wake(): void
}

interface Alarm extends Timed {
  readonly sleeper: Sleeper
}

/** Everything that waits for a time, behind one timer. */
export class Alarms {
  readonly #runtime: Runtime
  readonly #heap = new TimeHeap<Alarm>()
  #order = 0
  #timer: Timer | undefined
  #armedFor = Number.POSITIVE_INFINITY
  #running = true

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Wakes `sleeper` at `at`, milliseconds since 1970. */
  set(at: number, sleeper: Sleeper): void {
    this.#heap.push({ at, order: this.#order++, sleeper })
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
    const first = this.#heap.first
    this.#armedFor = first === undefined || !this.#running ? Number.POSITIVE_INFINITY : first.at
    if (this.#armedFor === Number.POSITIVE_INFINITY) return
    // A timer may wait 2^31 ms at most.
    this.#timer = this.#runtime.timer(Math.min(Math.max(0, this.#armedFor - this.#runtime.now()), 2 ** 31 - 1), this.#ring)
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#runtime.now()
    for (let first = this.#heap.first; first !== undefined && first.at <= now; first = this.#heap.first) {
      this.#heap.shift()
      first.sleeper.wake()
    }
    this.#arm()
  }
}
