import type { Runtime, Timer } from './runtime.ts'
import { TimeHeap } from './time-heap.ts'
import { UuidV7 } from './uuid.ts'

/** Numbers in [0, 1) that follow from the seed alone (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Waiting extends Timer {
  readonly at: number
  readonly order: number
  readonly background: boolean
  run: (() => void) | undefined
}

/** So many timers at one instant are taken for an endless loop. */
const mostAtOnce = 100_000

/** Real sockets and timers of the process get a turn after this many virtual timers. */
const realTurn = 1000

/**
 * A runtime whose clock stands still until `run` is called, and then only moves when nothing else can happen: everything
 * that timers set off is finished before the next timer's time is reached. The same seed gives the same numbers and ids.
 */
export class SimulatedRuntime implements Runtime {
  readonly random: () => number
  readonly #start: number
  readonly #ids: UuidV7
  readonly #heap = new TimeHeap<Waiting>()
  #elapsed = 0
  #order = 0
  #foreground = 0

  /** `start`: the wall clock at the beginning, milliseconds since 1970. */
  constructor(seed: number, start: number = Date.UTC(2030, 0, 1)) {
    this.#start = start
    this.random = seeded(seed)
    const bytes = seeded(~seed)
    this.#ids = new UuidV7(
      () => this.now(),
      (into) => {
        for (let i = 0; i < into.length; i++) into[i] = bytes() * 256
      },
    )
  }

  now(): number {
    return this.#start + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  id(now?: number): string {
    return this.#ids.next(now)
  }

  timer(ms: number, run: () => void, background = false): Timer {
    const waiting: Waiting = {
      // Whole milliseconds, as the ordinary timers: else a wait of less could begin again for ever at one time of the clock.
      at: this.#elapsed + Math.max(0, Math.ceil(ms)),
      order: this.#order++,
      background,
      run,
      cancel: () => {
        if (waiting.run === undefined) return
        waiting.run = undefined
        if (!background) this.#foreground--
      },
    }
    if (!background) this.#foreground++
    this.#heap.push(waiting)
    return waiting
  }

  /**
   * Lets virtual time pass: for `until` milliseconds, or until the condition holds. Resolves to true when that is reached,
   * to false when nothing but background timers is left to happen before. Rejects with what a timer threw.
   */
  run(until: number | (() => boolean) = () => false): Promise<boolean> {
    const reached = typeof until === 'function' ? until : undefined
    const end = typeof until === 'number' ? this.#elapsed + until : Number.POSITIVE_INFINITY
    let steps = 0
    let since = this.#elapsed
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (reached?.() === true) return resolve(true)
          const next = this.#next()
          if (next === undefined || next.at > end || (reached !== undefined && this.#foreground === 0)) {
            if (reached === undefined) this.#elapsed = end
            return resolve(reached === undefined)
          }
          if (next.at > this.#elapsed) {
            this.#elapsed = next.at
            since = steps
          } else if (steps - since > mostAtOnce)
            throw new Error(`simulated time stands still: ${mostAtOnce} timers ran at ${this.#elapsed} ms`)
          this.#heap.shift()
          const { run } = next
          next.cancel()
          run?.()
        } catch (error) {
          return reject(error)
        }
        steps++
        afterEverything(steps % realTurn === 0, step)
      }
      afterEverything(false, step)
    })
  }

  /** The next timer that was not cancelled. */
  #next(): Waiting | undefined {
    for (let first = this.#heap.first; first !== undefined; first = this.#heap.first) {
      if (first.run !== undefined) return first
      this.#heap.shift()
    }
    return undefined
  }
}

/**
 * Runs `step` when no promise has anything left to do. Node runs a tick that was asked for by a promise job only after the
 * last promise job: many times cheaper than a turn of the event loop, which is needed only now and then.
 */
function afterEverything(turn: boolean, step: () => void): void {
  if (turn) setImmediate(step)
  else queueMicrotask(() => process.nextTick(step))
}
