import { isPabalError } from '../errors.ts'
import type { DeliveryPolicy, RetryPolicy } from './types.ts'

/**
 * What follows a failed attempt: the milliseconds to wait before the next; `spent` where none is left and `hopeless` where
 * trying again cannot help (both end as the policy's `atEnd` says); `dead-letter` where the user chose so for this error.
 */
export type Verdict = number | 'spent' | 'hopeless' | 'dead-letter'

export function verdictOn(error: unknown, attempts: number, policy: DeliveryPolicy, random: () => number): Verdict {
  const chosen = policy.retryFor?.(error)
  if (chosen === 'dead-letter') return 'dead-letter'
  if (chosen === undefined && !worthTrying(error)) return 'hopeless'
  const retry = chosen === undefined ? policy.retry : { ...policy.retry, ...chosen }
  // Not `>=`: a nonsensical number (NaN) from the user's function must not retry for ever.
  return attempts < retry.attempts ? backoff(retry, attempts, random) : 'spent'
}

/** The wait after `attempts` failed ones: doubles up to `maxDelay`, and a random part of it is taken off. */
export function backoff(retry: RetryPolicy, attempts: number, random: () => number): number {
  const full = Math.min(retry.maxDelay, retry.delay * 2 ** Math.min(attempts - 1, 60))
  const wait = full * (1 - retry.jitter * random())
  return Number.isFinite(wait) ? Math.max(0, wait) : 0
}

/** `CLOSED` says that this process or a neighbour is ending, which is not the message's fault. */
const worthTrying = (error: unknown): boolean => !isPabalError(error) || error.retryable || error.code === 'CLOSED'
