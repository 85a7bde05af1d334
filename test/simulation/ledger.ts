import type { SimulatedProcess, Simulation } from '../../src/testing/simulation/index.ts'
import type { Delivery } from '../../src/transport/seam.ts'
import type { PlannedMessage } from './scenario.ts'

/** A disturbance this many milliseconds after a handler was done may still have come before its settlement. */
const settlementTime = 300

/** What the ledger knows of a consumer's process. */
export interface Witness {
  readonly name: string
  readonly group: string
  readonly process: SimulatedProcess
  /** When it crashed, was frozen, or closed without waiting for its handlers. */
  readonly disturbed: number[]
}

/** One time that a handler ran. */
export interface Run {
  readonly witness: Witness
  readonly message: PlannedMessage
  readonly delivery: Delivery
  readonly began: number
  ended: number
}

/** How a message ended, in a group: each must end in exactly one of these ways, once. */
export interface Ends {
  handled: number
  dead: number
  invalid: number
  discarded: number
}

/** Writes down what handlers did, outside of everything that could be lost, and says what is wrong with it. */
export class Ledger {
  readonly problems: string[] = []
  readonly acknowledged = new Set<string>()
  /**
   * Messages that some member gave up, by group: their key went on without them. Where that member died before it was
   * written they come again, and may be handled after all, late.
   */
  readonly givenUp = new Set<string>()
  /** How often each thing happened that the test is about: a test of seeds that meets none of them shows nothing. */
  readonly seen = new Map<string, number>()
  readonly #simulation: Simulation
  readonly #active = new Map<string, Set<Run>>()
  readonly #runs = new Map<string, number>()
  readonly #successes = new Map<string, Run[]>()
  /** Of each group and key, in the order of their first success. */
  readonly #order = new Map<string, PlannedMessage[]>()

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  problem(text: string): void {
    this.problems.push(`${text} (at ${this.#simulation.runtime.monotonic().toFixed(1)} ms)`)
  }

  saw(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  /** A handler begins; how often it began for this message. */
  begin(run: Run): number {
    const { witness, message, delivery } = run
    const { group, name } = witness
    this.#simulation.trace(`${name} begins ${message.id} lost ${delivery.lost} ${delivery.parked ? 'parked' : ''}`)
    if (delivery.lost > 0) this.saw('handled after a loss')
    if (delivery.parked !== undefined) this.saw('handled from the parking lot')
    if (delivery.parked?.order === 'redrive') this.saw('redriven')
    if (delivery.ahead) this.saw('handled ahead of parked followers')
    if (delivery.signal.aborted) this.problem(`${name} began ${message.id} after it had lost the shard`)
    if (message.key !== undefined) {
      const active = this.#of(`${group} ${message.key}`)
      this.#alone(run, active)
      active.add(run)
    }
    const id = `${group} ${message.id}`
    const times = (this.#runs.get(id) ?? 0) + 1
    this.#runs.set(id, times)
    return times
  }

  end(run: Run, success: boolean): void {
    const { witness, message } = run
    run.ended = this.#simulation.runtime.monotonic()
    if (message.key !== undefined) this.#of(`${witness.group} ${message.key}`).delete(run)
    this.#simulation.trace(`${witness.name} ${success ? 'handled' : 'failed'} ${message.id}`)
    if (run.delivery.signal.aborted) this.saw('handled by a zombie')
    if (!success) return this.saw('failed')
    const id = `${witness.group} ${message.id}`
    const successes = this.#successes.get(id)
    if (successes !== undefined) {
      successes.push(run)
      return
    }
    this.#successes.set(id, [run])
    const key = `${witness.group} ${message.key}`
    if (message.key !== undefined) this.#order.set(key, [...(this.#order.get(key) ?? []), message])
  }

  /** Its handlers run no more. */
  crashed(witness: Witness): void {
    this.#disturbed(witness, 'crashed')
    for (const active of this.#active.values()) for (const run of active) if (run.witness === witness) active.delete(run)
  }

  frozen(witness: Witness): void {
    this.#disturbed(witness, 'frozen')
  }

  /** What it goes on with must not run elsewhere, unless it was told that it lost the shard. */
  thawed(witness: Witness): void {
    this.#simulation.trace(`${witness.name} thawed`)
    for (const active of this.#active.values())
      for (const run of active) if (run.witness === witness && !run.delivery.signal.aborted) this.#alone(run, active)
  }

  closedLate(witness: Witness): void {
    this.#disturbed(witness, 'closed late')
  }

  /** Compares how every message ended with what happened to it. */
  check(groups: readonly string[], messages: readonly PlannedMessage[], ends: (group: string, message: PlannedMessage) => Ends): void {
    for (const group of groups) {
      for (const message of messages) this.#checkMessage(group, message, ends(group, message))
      for (const [key, order] of this.#order) {
        if (!key.startsWith(`${group} `)) continue
        const kept = order.filter((message) => ends(group, message).handled > 0 && !this.givenUp.has(`${group} ${message.id}`))
        const wrong = kept.find((message, i) => i > 0 && message.index < (kept[i - 1] as PlannedMessage).index)
        if (wrong !== undefined) this.problem(`the key ${key} was handled out of order: ${kept.map(({ id }) => id).join(' ')}`)
      }
    }
  }

  #checkMessage(group: string, message: PlannedMessage, ends: Ends): void {
    const what = `${message.id} of ${group}`
    const count = ends.handled + ends.dead + ends.invalid + ends.discarded
    const list = `handled ${ends.handled}, dead ${ends.dead}, invalid ${ends.invalid}, discarded ${ends.discarded}`
    if (ends.handled > 0) this.saw('ended as handled')
    if (ends.dead > 0) this.saw('ended as a dead letter')
    if (ends.invalid > 0) this.saw('ended as invalid')
    if (ends.discarded > 0) this.saw('ended as discarded')
    if (count === 0 && this.acknowledged.has(message.id)) this.problem(`${what} was acknowledged and is lost`)
    if (count > 1) this.problem(`${what} was settled ${count} times: ${list}`)
    const successes = this.#successes.get(`${group} ${message.id}`) ?? []
    if (ends.handled > 0 && successes.length === 0) this.problem(`${what} was settled as handled, but no handler succeeded`)
    if (successes.length > 1) this.saw('handled twice, explained by a crash or a freeze')
    const unexplained = successes.filter((run) => !this.#explained(run))
    if (unexplained.length > (ends.handled > 0 ? 1 : 0))
      this.problem(
        `${what} was handled ${successes.length} times, ${unexplained.length} of them by undisturbed members ${unexplained.map((run) => run.witness.name).join(' ')}, and ended as ${list}`,
      )
    if (ends.dead > 0 && message.fails === 0 && this.#losses < 3) this.problem(`${what} is a dead letter although it never failed`)
    if (ends.invalid > 0 && message.type === 'Known') this.problem(`${what} is an invalid message although everybody knows its type`)
  }

  #losses = 0

  #disturbed(witness: Witness, how: string): void {
    this.#losses++
    this.saw(how)
    this.#simulation.trace(`${witness.name} ${how}`)
    witness.disturbed.push(this.#simulation.runtime.monotonic())
  }

  #explained(run: Run): boolean {
    return run.delivery.signal.aborted || run.witness.disturbed.some((at) => at >= run.began && at <= run.ended + settlementTime)
  }

  #alone(run: Run, active: Set<Run>): void {
    for (const other of active) {
      if (other === run || other.delivery.signal.aborted || other.witness.process.state !== 'running') continue
      if (run.witness.process.state !== 'running' || run.delivery.signal.aborted) continue
      const who = `${run.witness.name} (${run.message.id}) and ${other.witness.name} (${other.message.id})`
      this.problem(`two handlers of ${run.witness.group} ${run.message.key} run at the same time: ${who}`)
    }
  }

  #of(key: string): Set<Run> {
    let active = this.#active.get(key)
    if (active === undefined) this.#active.set(key, (active = new Set()))
    return active
  }
}
