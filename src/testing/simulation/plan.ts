import type { FaultPoint } from '../../runtime/runtime.ts'

/**
 * What happens to a simulated process at a fault point. `crash`: its code ends there, as by SIGKILL. `freeze`: it stands
 * still for `ms`, as between SIGSTOP and SIGCONT. `delay`: that one step takes `ms` longer. `handover`: the process's work
 * is offered to others, and it goes on.
 */
export type Fault =
  | { readonly kind: 'crash' }
  | { readonly kind: 'freeze'; readonly ms: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'handover' }

/** At the `pass`th pass of `point`, counted from 1 over all processes. A plan fixes what happens, whatever the timing is. */
export interface PlannedFault {
  readonly point: FaultPoint
  readonly pass: number
  readonly fault: Fault
}

/** Finds the fault of each pass. */
export class FaultPlan {
  readonly #faults = new Map<string, Fault>()
  readonly #passes = new Map<FaultPoint, number>()
  /** Points pass without a fault from now on. */
  over = false

  constructor(faults: readonly PlannedFault[]) {
    for (const { point, pass, fault } of faults) this.#faults.set(`${point} ${pass}`, fault)
  }

  pass(point: FaultPoint): Fault | undefined {
    if (this.over) return undefined
    const pass = (this.#passes.get(point) ?? 0) + 1
    this.#passes.set(point, pass)
    return this.#faults.get(`${point} ${pass}`)
  }
}
