import { Faults, isPabalError } from '../errors.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { DeliveryPolicy, RetryPolicy } from './types.ts'

/** How deliveries are treated, as a person writes it. See `DeliveryPolicy` for what each means. */
export interface DeliveryOptions {
  /** Handlers that run at once. Default 64. */
  readonly concurrency?: number | undefined
  /** How many messages may be handed out and unsettled. Default 1,000. */
  readonly maxMessages?: number | undefined
  /** How many bytes may be handed out and unsettled. Default 16 MiB. */
  readonly maxBytes?: number | undefined
  readonly retry?: RetryOptions | undefined
  /** Chooses by the error. Default: what is not retryable is not tried again. */
  readonly retryFor?: DeliveryPolicy['retryFor']
  /** How long a failing message is retried in memory before its key is parked. Default '30s'. */
  readonly holdFor?: Duration | undefined
  /** How many messages may wait in memory behind a failing one. Default 100. */
  readonly maxFollowers?: number | undefined
  /** Default 'skip'. */
  readonly atEnd?: 'park' | 'skip' | undefined
  /** How long an unknown command is given back. Default '30s'. */
  readonly unknownGrace?: Duration | undefined
  /** How often a message may be lost with its process. Default 3. */
  readonly maxLosses?: number | undefined
}

export interface RetryOptions {
  /** Attempts in all. Default 10. */
  readonly attempts?: number | undefined
  /** Wait before the second attempt; doubles each time. Default '100ms'. */
  readonly delay?: Duration | undefined
  /** The longest wait. Default '30s'. */
  readonly maxDelay?: Duration | undefined
  /** Part of each wait that is random, 0 to 1. Default 0.2. */
  readonly jitter?: number | undefined
}

export const defaultPolicy: DeliveryPolicy = Object.freeze({
  concurrency: 64,
  maxMessages: 1000,
  maxBytes: 16 * 1024 * 1024,
  retry: Object.freeze({ attempts: 10, delay: 100, maxDelay: 30_000, jitter: 0.2 }),
  retryFor: undefined,
  holdFor: 30_000,
  maxFollowers: 100,
  atEnd: 'skip',
  unknownGrace: 30_000,
  maxLosses: 3,
})

/**
 * The policy that the options ask for. Throws `UNKNOWN_OPTION` or `INVALID_OPTION` (several faults together:
 * `INVALID_CONFIGURATION`); `what` names the options in the error's text.
 */
export function policyFrom(options: DeliveryOptions = {}, what = 'delivery'): DeliveryPolicy {
  const faults = new Faults()
  const check = new Check(options as Record<string, unknown>, defaultPolicy, what, faults)
  const retry = new Check((options.retry ?? {}) as Record<string, unknown>, defaultPolicy.retry, `${what}.retry`, faults)
  const policy: DeliveryPolicy = {
    concurrency: check.whole('concurrency', 1),
    maxMessages: check.whole('maxMessages', 1),
    maxBytes: check.whole('maxBytes', 1),
    retry: retryFrom(retry),
    retryFor: check.callable('retryFor'),
    holdFor: check.duration('holdFor'),
    maxFollowers: check.whole('maxFollowers', 0),
    atEnd: check.oneOf('atEnd', ['park', 'skip']),
    unknownGrace: check.duration('unknownGrace'),
    maxLosses: check.whole('maxLosses', 1),
  }
  faults.throwIfAny('INVALID_CONFIGURATION', what)
  return policy
}

function retryFrom(check: Check<RetryPolicy>): RetryPolicy {
  return {
    attempts: check.whole('attempts', 1),
    delay: check.duration('delay'),
    maxDelay: check.duration('maxDelay'),
    jitter: check.share('jitter'),
  }
}

/** Reads one set of options; notes what is wrong and goes on with the default, so that all faults are seen at once. */
class Check<T extends object> {
  readonly #given: Record<string, unknown>
  readonly #defaults: T
  readonly #what: string
  readonly #faults: Faults

  constructor(given: Record<string, unknown>, defaults: T, what: string, faults: Faults) {
    this.#given = typeof given === 'object' && given !== null ? given : {}
    this.#defaults = defaults
    this.#what = what
    this.#faults = faults
    const known = Object.keys(defaults)
    for (const name of Object.keys(this.#given))
      if (!known.includes(name)) faults.add('UNKNOWN_OPTION', `${what} has no option ${JSON.stringify(name)}; it has ${known.join(', ')}`)
    if (this.#given !== given) faults.add('INVALID_OPTION', `${what} is ${show(given)}, give an object`)
  }

  whole(name: keyof T & string, least: number): number {
    return this.#read(name, (value) => Number.isSafeInteger(value) && (value as number) >= least, `a whole number from ${least}`)
  }

  share(name: keyof T & string): number {
    return this.#read(name, (value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1')
  }

  callable<K extends keyof T & string>(name: K): T[K] {
    return this.#read(name, (value) => typeof value === 'function', 'a function')
  }

  oneOf<K extends keyof T & string>(name: K, values: readonly unknown[]): T[K] {
    return this.#read(name, (value) => values.includes(value), values.map((value) => JSON.stringify(value)).join(' or '))
  }

  duration(name: keyof T & string): number {
    const value = this.#given[name]
    if (value === undefined) return this.#defaults[name] as number
    try {
      return milliseconds(value as Duration, `${this.#what}.${name}`)
    } catch (error) {
      if (!isPabalError(error)) throw error
      this.#faults.add(error.code, error.message)
      return this.#defaults[name] as number
    }
  }

  #read<V>(name: keyof T & string, fits: (value: unknown) => boolean, wanted: string): V {
    const value = this.#given[name]
    if (value === undefined) return this.#defaults[name] as V
    if (!fits(value)) this.#faults.add('INVALID_OPTION', `${this.#what}.${name} is ${show(value)}, give ${wanted}`)
    return value as V
  }
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value)).slice(0, 80)
