import { type ErrorCode, isPabalError } from '../../errors.ts'

/** What the command's end says to a script. Listed in docs/reference/cli.md. */
export const exit = { done: 0, failed: 1, usage: 2, unreachable: 3, unanswered: 4, refused: 5, interrupted: 130 } as const

/** What each code means, for help and documentation. */
export const exitMeanings: readonly (readonly [code: number, meaning: string])[] = [
  [exit.done, 'done'],
  [exit.failed, 'it went wrong'],
  [exit.usage, 'asked wrongly: nothing was done'],
  [exit.unreachable, 'the store or broker cannot be reached or opened'],
  [exit.unanswered, 'no answer, or too few messages, in the time allowed'],
  [exit.refused, 'answered by a reply that the contract declares a failure'],
  [exit.interrupted, 'interrupted'],
]

/** A command was called wrongly: what was wrong, and where it makes sense what to do. */
export class Usage extends Error {}

/** The store or broker cannot be reached. */
export class Unreachable extends Error {}

/** A person ended it. */
export class Interrupted extends Error {
  constructor(message = 'interrupted') {
    super(message)
  }
}

/** What was given cannot be used: nothing was done. */
const misused = new Set<ErrorCode>([
  'UNKNOWN_TRANSPORT',
  'UNKNOWN_CHANNEL',
  'UNKNOWN_OPTION',
  'INVALID_OPTION',
  'INVALID_CONTRACT',
  'INVALID_PAYLOAD',
  'INVALID_HEADER',
  'INVALID_KEY',
  'INVALID_REPLY_ADDRESS',
  'MESSAGE_TOO_LARGE',
])
const unreachable = new Set<ErrorCode>(['BROKER_UNREACHABLE', 'ACCESS_REFUSED', 'TLS_REFUSED', 'BROKER_TOO_OLD', 'DRIVER_MISSING'])
const unanswered = new Set<ErrorCode>(['TIMEOUT', 'OUTCOME_UNKNOWN', 'NO_RESPONDER'])

export function exitCodeOf(error: unknown): number {
  if (error instanceof Usage) return exit.usage
  if (error instanceof Unreachable) return exit.unreachable
  if (error instanceof Interrupted || isPabalError(error, 'CANCELLED')) return exit.interrupted
  if (!isPabalError(error)) return exit.failed
  if (unreachable.has(error.code)) return exit.unreachable
  return misused.has(error.code) ? exit.usage : unanswered.has(error.code) ? exit.unanswered : exit.failed
}
