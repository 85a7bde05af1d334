import { SimulatedRuntime, seeded } from '../../runtime/simulated.ts'
import { FaultPlan, type PlannedFault } from './plan.ts'
import { SimulatedProcess } from './process.ts'

/** One seeded run in virtual time: processes, faults, draws, and a hash of what happened. */
export class Simulation {
  readonly seed: number
  /** The clock of everything; of what lies outside the simulated processes, such as a broker. */
  readonly runtime: SimulatedRuntime
  readonly draw: Draw
  #plan = new FaultPlan([])
  #planned = false
  #hash = 0x811c9dc5
  /** What was traced, where it is kept. */
  readonly log: string[] | undefined

  constructor(seed: number, keepLog = false) {
    this.seed = seed
    this.runtime = new SimulatedRuntime(seed)
    this.draw = new Draw(seed)
    this.log = keepLog ? [] : undefined
  }

  /** Sets the faults of processes made from now on. */
  set plan(faults: readonly PlannedFault[]) {
    this.#plan = new FaultPlan(faults)
    this.#planned = faults.length > 0
  }

  /** Fault points do nothing from now on. */
  endFaults(): void {
    this.#plan.over = true
  }

  process(name: string): SimulatedProcess {
    const plan = this.#plan
    return new SimulatedProcess(name, this.runtime, this.#planned ? (point) => plan.pass(point) : undefined)
  }

  /** Notes an event: the same seed must note the same events at the same times. */
  trace(event: string): void {
    const line = `${this.runtime.monotonic().toFixed(3)} ${event}`
    this.log?.push(line)
    for (let i = 0; i < line.length; i++) this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193)
  }

  /** Of all traced events. */
  get hash(): number {
    return this.#hash >>> 0
  }

  /** Lets virtual time pass. See `SimulatedRuntime.run`. */
  run(until?: number | (() => boolean)): Promise<boolean> {
    return this.runtime.run(until)
  }
}

/** A run of its own for `seed`. */
export function simulate(seed: number, options: { readonly keepLog?: boolean } = {}): Simulation {
  return new Simulation(seed, options.keepLog)
}

/** Choices that follow from the seed, apart from the numbers that the code under test draws. */
export class Draw {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seeded(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995)
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  chance(share: number): boolean {
    return this.#next() < share
  }

  pick<const T>(from: readonly [T, ...T[]]): T {
    return from[this.whole(0, from.length - 1)] as T
  }
}
