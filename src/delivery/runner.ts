import { isPabalError, PabalError } from '../errors.ts'
import type { FaultPoint } from '../runtime/runtime.ts'
import type { Outgoing, ParkNote, Settlement } from '../transport/seam.ts'
import { type Attempt, handled } from './attempt.ts'
import { type Verdict, verdictOn } from './backoff.ts'
import { errorOf } from './endings.ts'
import { failureOf, killed, reasonOf, spent, unknownType } from './failure.ts'
import { Grace } from './grace.ts'
import type { House, Keys } from './keys.ts'
import { released } from './ledger.ts'
import type { ConsumerOptions } from './types.ts'

/** What a handler said, or a promise of it; undefined where the message is not known here. */
type Emit = readonly Outgoing[] | undefined | Promise<readonly Outgoing[]>

/** One attempt: decode, handle, and what follows from how it ended. */
export class Runner {
  readonly #options: ConsumerOptions
  readonly #house: House
  readonly #keys: Keys
  readonly #grace: Grace
  readonly #point: ((name: FaultPoint) => Promise<void> | undefined) | undefined
  /** Nothing of this shard may begin here again: it goes to another member, or this consumer closes. */
  readonly #leaving: (shard: string) => boolean

  constructor(options: ConsumerOptions, house: House, keys: Keys, leaving: (shard: string) => boolean) {
    this.#options = options
    this.#house = house
    this.#keys = keys
    this.#leaving = leaving
    this.#grace = new Grace(options.policy.unknownGrace)
    this.#point = options.runtime.point?.bind(options.runtime)
  }

  /** What needs no waiting is over when this returns: a turn for each message would cost as much as the rest of the engine. */
  run(attempt: Attempt): void {
    const { lost, parked } = attempt.delivery
    if (this.#point !== undefined || lost > 0 || parked !== undefined || attempt.fenced) {
      void this.#run(attempt)
      return
    }
    let emit: Emit
    try {
      emit = this.#handle(attempt)
    } catch (error) {
      emit = Promise.reject(error)
    }
    if (emit === undefined || emit instanceof Promise) void this.#run(attempt, emit)
    else this.#handled(attempt, emit)
  }

  /** The same with all that can come between; `begun`: the handler runs already. */
  async #run(attempt: Attempt, begun?: Emit): Promise<void> {
    try {
      if (begun === undefined) {
        const before = this.#point?.('handle.before')
        if (before !== undefined) await before
        const early = this.#withoutHandler(attempt)
        if (early !== undefined) return await early
      }
      let emit: readonly Outgoing[] | undefined
      try {
        emit = await (begun ?? this.#handle(attempt))
      } catch (error) {
        const unusable = !attempt.decoded && (isPabalError(error, 'INVALID_MESSAGE') || isPabalError(error, 'INVALID_REPLY_ADDRESS'))
        return await (unusable ? this.#invalid(attempt, error) : this.#failed(attempt, error))
      }
      if (emit === undefined) return await this.#unknown(attempt)
      const after = this.#point?.('handle.after')
      if (after !== undefined) await after
      this.#handled(attempt, emit)
      const settled = this.#point?.('settle.after')
      if (settled !== undefined) await settled
    } catch (crash) {
      this.#keys.crash(attempt, crash)
    }
  }

  #handle(attempt: Attempt): Emit {
    const { message } = attempt.delivery
    attempt.decoded = false
    const route = this.#options.route(message)
    if (route === undefined) return undefined
    this.#grace.forget(message.id)
    const value = route.decode(message)
    if (value instanceof Promise)
      return value.then((payload) => {
        attempt.decoded = true
        return route.handle(payload, attempt)
      })
    attempt.decoded = true
    return route.handle(value, attempt)
  }

  #handled(attempt: Attempt, emit: readonly Outgoing[]): void {
    if (attempt.fenced) return this.#keys.finish(attempt, released)
    this.#options.counters.handled++
    this.#keys.finish(attempt, emit.length === 0 ? handled : { emit })
  }

  /** What is decided before the handler runs; undefined where it is to run. */
  #withoutHandler(attempt: Attempt): Promise<void> | undefined {
    const { delivery } = attempt
    if (delivery.signal.aborted) return this.#end(attempt, released)
    if (delivery.lost > 0 && this.#options.durable && delivery.lost >= this.#options.policy.maxLosses)
      return this.#deadLetter(attempt, killed(delivery.message, delivery.lost))
    if (delivery.parked?.order === 'skip') return this.#deadLetter(attempt, errorOf(delivery.parked, delivery.message.id))
    if (delivery.parked?.order !== 'discard') return undefined
    this.#house.endings.report('discarded', attempt)
    return this.#end(attempt, { emit: [] })
  }

  async #end(attempt: Attempt, settlement: Settlement): Promise<void> {
    this.#keys.finish(attempt, settlement)
  }

  async #invalid(attempt: Attempt, error: PabalError): Promise<void> {
    this.#keys.finish(attempt, attempt.fenced ? released : { emit: this.#house.endings.invalid(attempt, error) })
  }

  async #unknown(attempt: Attempt): Promise<void> {
    const { durable, unknown, counters, channel, policy, runtime } = this.#options
    const { endings } = this.#house
    const { message, parked } = attempt.delivery
    if (!durable || unknown === 'skip') {
      counters.unknownSkipped++
      endings.report('unknown', attempt)
      const emit = unknown === 'skip' ? [] : endings.told(attempt, unknownType(message, channel.address, 0))
      return this.#keys.finish(attempt, { emit })
    }
    if (!this.#grace.has(message.id)) endings.report('unknown', attempt)
    const after = this.#grace.remaining(message.id, runtime.monotonic())
    if (after === undefined) return this.#invalid(attempt, unknownType(message, channel.address, policy.unknownGrace))
    if (parked === undefined) this.#keys.giveBack(attempt, after)
    else this.#keys.park(attempt, { ...parked, due: runtime.now() + after })
  }

  async #failed(attempt: Attempt, error: unknown): Promise<void> {
    if (attempt.fenced) return this.#keys.finish(attempt, released)
    const { runtime, policy, counters, durable } = this.#options
    const { endings } = this.#house
    const { message } = attempt.delivery
    const failure = failureOf(error, message, attempt.attempt)
    attempt.failed(failure, runtime.now())
    counters.failedAttempts++
    endings.report('failed', attempt, failure)
    if (!durable) return this.#keys.finish(attempt, { emit: endings.told(attempt, failure) })
    const verdict = this.#verdict(attempt, error)
    if (typeof verdict === 'number') return this.#retry(attempt, verdict, failure)
    const end = verdict === 'spent' ? spent(error, message, attempt.failures) : failure
    const stays = policy.atEnd === 'park' && verdict !== 'dead-letter' && attempt.chain !== undefined
    return stays ? this.#park(attempt, attempt.note(end, undefined)) : this.#deadLetter(attempt, end)
  }

  #verdict(attempt: Attempt, error: unknown): Verdict {
    const { policy, runtime } = this.#options
    const random = (): number => runtime.random()
    try {
      return verdictOn(error, attempt.failures, policy, random)
    } catch (cause) {
      // The message must not suffer for a faulty retryFor: it is treated as if there were none.
      const { type, id } = attempt.delivery.message
      const text = `retryFor threw for ${type} ${id}, so the usual policy holds: ${reasonOf(cause)}`
      this.#house.endings.report('failed', attempt, new PabalError('HANDLER_FAILED', text, { id, cause }))
      return verdictOn(error, attempt.failures, { ...policy, retryFor: undefined }, random)
    }
  }

  async #retry(attempt: Attempt, delay: number, failure: PabalError): Promise<void> {
    const { runtime, ledger, parks, slots } = this.#house
    const leaving = this.#leaving(attempt.delivery.shard)
    attempt.heldSince ??= runtime.monotonic()
    attempt.due = runtime.now() + delay
    ledger.block(attempt)
    if (!parks && leaving) return this.#keys.giveBack(attempt, undefined)
    if (parks && (leaving || this.#cannotHold(attempt, delay))) return this.#park(attempt, attempt.note(failure, attempt.due))
    ledger.hold(attempt)
    attempt.timer = runtime.timer(delay, () => {
      ledger.letGo(attempt)
      slots.admit(attempt)
    })
    slots.done(attempt)
  }

  #cannotHold({ chain, delivery, heldSince }: Attempt, delay: number): boolean {
    // From the lot it came, to the lot it goes: it keeps its place there.
    if (delivery.parked !== undefined || this.#keys.isCrowded(chain)) return true
    // Its followers are parked already, so that it is in nobody's way.
    if (chain !== undefined && this.#house.shards.get(delivery.shard).parkedOf(chain.key) > 0) return false
    return this.#house.runtime.monotonic() - (heldSince as number) + delay > this.#options.policy.holdFor
  }

  async #park(attempt: Attempt, note: ParkNote): Promise<void> {
    const before = this.#point?.('park.before')
    if (before !== undefined) await before
    if (attempt.fenced) this.#keys.finish(attempt, released)
    else this.#keys.park(attempt, note)
  }

  async #deadLetter(attempt: Attempt, error: PabalError): Promise<void> {
    const before = this.#point?.('dead-letter.before')
    if (before !== undefined) await before
    this.#keys.finish(attempt, attempt.fenced ? released : { emit: this.#house.endings.dead(attempt, error) })
  }
}
