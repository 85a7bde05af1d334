import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Transport } from '../transport/seam.ts'

/**
 * A store or broker on which the conformance suite runs, and the ways to reach and to break it. Only `name` and `member`
 * are needed; scenarios that need more say so, and are skipped with that reason where the world does not offer it.
 */
export interface World {
  /** For people to read; begins the name of every scenario. */
  readonly name: string
  /** Another member on the same store: a connection of its own, as another process would have. Not opened yet. */
  member(): Transport | Promise<Transport>
  /** A member that can be killed and frozen: see `hostedMember` for one in a process of its own. */
  mortal?(): Mortal | Promise<Mortal>
  /** By the id of a scenario: why it cannot pass here. It is run all the same, and fails the run where it passes. */
  readonly skip?: Readonly<Record<string, string>> | undefined
  /** How long nothing may happen before a scenario is given up, in milliseconds. Default 10,000. */
  readonly patience?: number | undefined
  /** How long to listen for what must not come, in milliseconds. Default 200. */
  readonly quiet?: number | undefined
  /** How many calls the scenario 30d makes. Default 100,000. */
  readonly calls?: number | undefined
  /** How long the scenario 20 gives its consumers more than they can do, in milliseconds. Default 2,500. */
  readonly overload?: number | undefined
  /** The clock that the members use, where it is not the system's. */
  readonly runtime?: Runtime | undefined
}

/** A member whose death a test decides. */
export interface Mortal {
  readonly transport: Transport
  /** Dies at once, as at SIGKILL: nothing is flushed, given back or said. */
  kill(): Promise<void>
  /** Stands still, as at SIGSTOP, until `thaw`. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** What a scenario asks for: a declared capability, or an optional part of the seam or of the world. */
export type Need = { [K in keyof Capabilities]: Capabilities[K] extends boolean ? K : never }[keyof Capabilities] | 'admin' | 'mortal'

/** `refused`: the capability is not declared, and asking for it was refused clearly. `skipped`: it cannot be shown here. */
export type Outcome =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'skipped'; readonly reason: string }

/** One test, for any test runner. */
export interface Scenario {
  /** Stable: its number in the catalogue (docs/reference/testing.md), or the name of its group and a number. */
  readonly id: string
  /** The world, the id and the title. */
  readonly name: string
  /** The promise that it proves, in one sentence. */
  readonly proves: string
  readonly needs: readonly Need[]
  /** Milliseconds, for the test runner: far above what a run takes. */
  readonly timeout: number
  /** Rejects where the promise is broken. Scenarios share nothing: they may run in parallel. */
  run(): Promise<Outcome>
}
