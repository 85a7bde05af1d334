import type { FaultPoint, Runtime, Timer } from '../../runtime/runtime.ts'
import type { Fault } from './plan.ts'

/** What a simulated process's fate means outside it, for instance to the broker that it is connected to. */
export interface Fate {
  crashed?(): void
  frozen?(): void
  thawed?(): void
  handOver?(): void
}

/**
 * The runtime of one simulated process. Its timers run only while it lives and is not frozen; a crash at a fault point is a
 * promise that never resolves, so that the code behind it is never reached.
 */
export class SimulatedProcess implements Runtime {
  readonly name: string
  state: 'running' | 'frozen' | 'crashed' = 'running'
  fate: Fate = {}
  /** Absent where the plan is empty, as on the ordinary runtime. */
  readonly point?: (name: FaultPoint) => Promise<void> | undefined
  readonly #world: Runtime
  readonly #timers = new Set<Timer>()
  #deferred: (() => void)[] = []

  constructor(name: string, world: Runtime, pass: ((point: FaultPoint) => Fault | undefined) | undefined) {
    this.name = name
    this.#world = world
    if (pass !== undefined) {
      this.point = (point) => {
        if (this.state === 'crashed') return new Promise(() => {})
        const fault = pass(point)
        return fault === undefined ? this.#whenThawed() : this.#suffer(fault)
      }
    }
  }

  now(): number {
    return this.#world.now()
  }

  monotonic(): number {
    return this.#world.monotonic()
  }

  random(): number {
    return this.#world.random()
  }

  id(): string {
    return this.#world.id()
  }

  timer(ms: number, run: () => void, background = false): Timer {
    if (this.state === 'crashed') return { cancel: () => {} }
    let cancelled = false
    const inner = this.#world.timer(
      ms,
      () => {
        this.#timers.delete(timer)
        if (this.state === 'running') run()
        else if (this.state === 'frozen') this.#deferred.push(() => !cancelled && run())
      },
      background,
    )
    const timer: Timer = {
      cancel: () => {
        cancelled = true
        this.#timers.delete(timer)
        inner.cancel()
      },
    }
    this.#timers.add(timer)
    return timer
  }

  /** Resolves after `ms` milliseconds of this process's life. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.timer(ms, resolve))
  }

  /** As a SIGKILL. */
  crash(): void {
    if (this.state === 'crashed') return
    this.state = 'crashed'
    for (const timer of this.#timers) timer.cancel()
    this.#deferred = []
    this.fate.crashed?.()
  }

  /** As a SIGSTOP, and a SIGCONT after `ms` milliseconds. */
  freeze(ms: number): void {
    if (this.state !== 'running') return
    this.state = 'frozen'
    this.fate.frozen?.()
    this.#world.timer(ms, () => this.#thaw())
  }

  #thaw(): void {
    if (this.state !== 'frozen') return
    this.state = 'running'
    this.fate.thawed?.()
    // What is due runs in its order; a process that dies of it runs no more.
    for (const run of this.#deferred.splice(0)) this.#world.timer(0, () => this.#resume(run))
  }

  #resume(run: () => void): void {
    if (this.state === 'running') run()
    else if (this.state === 'frozen') this.#deferred.push(run)
  }

  #whenThawed(): Promise<void> | undefined {
    return this.state === 'frozen' ? new Promise((resolve) => this.#deferred.push(resolve)) : undefined
  }

  #suffer(fault: Fault): Promise<void> | undefined {
    if (fault.kind === 'crash') {
      this.crash()
      return new Promise(() => {})
    }
    if (fault.kind === 'freeze') {
      this.freeze(fault.ms)
      return this.#whenThawed()
    }
    if (fault.kind === 'delay') return this.sleep(fault.ms)
    this.fate.handOver?.()
    return undefined
  }
}
