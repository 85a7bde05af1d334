import type { Runtime } from '../../runtime/runtime.ts'

/** After so many milliseconds of handing out, timers and sockets get their turn. */
const longest = 5
/** The clock is read after so many deliveries. */
const glance = 64
/** And a turn comes after so many deliveries at the latest, also where the clock stands still. */
const most = 8192

/**
 * When members hand out: as soon as the code that runs now is done, since a lone message may not wait for a timer. Under
 * load, promises alone would keep the event loop from turning; then deliveries and senders both wait for it.
 */
export class Turns {
  /** Deliveries handed out since the event loop turned. */
  burst = 0
  readonly #runtime: Runtime
  #looked = 0
  #turnedAt: number
  #waiting: (() => void)[] | undefined
  #paced: { readonly value: unknown; readonly later: Promise<unknown> } | undefined

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#turnedAt = runtime.monotonic()
  }

  /** Runs `run` when the code that runs now is done, or after the event loop has turned. */
  soon(run: () => void): void {
    if (!this.rest(run)) queueMicrotask(run)
  }

  /** Whether the event loop is to turn before more is handed out; `run` is called then. */
  rest(run: () => void): boolean {
    if (this.#waiting !== undefined) {
      this.#waiting.push(run)
      return true
    }
    if (this.burst < this.#looked + glance || !this.#isDue()) return false
    this.#waiting = [run]
    this.#runtime.timer(0, this.#turned)
    return true
  }

  /** The value, given to who awaits it after the turn where one is due: a sender in a loop would never let it come. */
  paced<T>(value: T): Promise<T> | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return undefined
    // Under load nearly all get the same word: one promise for all of them.
    if (this.#paced?.value !== value) this.#paced = { value, later: new Promise((resolve) => waiting.push(() => resolve(value))) }
    return this.#paced?.later as Promise<T>
  }

  #isDue(): boolean {
    this.#looked = this.burst
    return this.burst >= most || this.#runtime.monotonic() - this.#turnedAt > longest
  }

  readonly #turned = (): void => {
    const runs = this.#waiting ?? []
    this.#waiting = undefined
    this.#paced = undefined
    this.burst = 0
    this.#looked = 0
    this.#turnedAt = this.#runtime.monotonic()
    for (const run of runs) run()
  }
}
