import { type ErrorCode, errorTable, PabalError } from '../errors.ts'
import type { Outgoing, ParkNote } from '../transport/seam.ts'
import type { Attempt } from './attempt.ts'
import { deadLetter, type EndFacts, invalidMessage } from './dead-letter.ts'
import type { ConsumerOptions, DeliveryEvent } from './types.ts'

/** What leaves when a message ends unhandled; counts and reports it. */
export class Endings {
  readonly #options: ConsumerOptions

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  /** To the dead letters, and what the caller is told. */
  dead(attempt: Attempt, error: PabalError): readonly Outgoing[] {
    const { message } = attempt.delivery
    this.#options.counters.deadLettered++
    this.report('dead-lettered', attempt, error)
    return [deadLetter(message, error, this.#facts(attempt)), ...this.told(attempt, error)]
  }

  /** To the invalid messages, and what the caller is told. A transient one only tells the caller. */
  invalid(attempt: Attempt, error: PabalError): readonly Outgoing[] {
    const { message } = attempt.delivery
    this.#options.counters.invalid++
    this.report('invalid', attempt, error)
    const told = this.told(attempt, error)
    return this.#options.durable ? [invalidMessage(message, error, this.#facts(attempt)), ...told] : told
  }

  /** What the caller is told. */
  told(attempt: Attempt, error: PabalError): readonly Outgoing[] {
    try {
      return this.#options.onEnd?.(attempt.delivery.message, error) ?? []
    } catch (cause) {
      const { type, id } = attempt.delivery.message
      this.report(
        'failed',
        attempt,
        new PabalError('HANDLER_FAILED', `The caller of ${type} ${id} could not be told that it failed`, { id, cause }),
      )
      return []
    }
  }

  report(what: DeliveryEvent['what'], attempt: Attempt, error?: PabalError): void {
    const { channel, group } = this.#options
    try {
      this.#options.report({ what, channel: channel.address, group, message: attempt.delivery.message, error })
    } catch {
      // A broken listener must not change what becomes of a message.
    }
  }

  #facts(attempt: Attempt): EndFacts {
    const { channel, group, runtime } = this.#options
    const { failures: attempts, firstFailure, lastFailure } = attempt
    const now = attempts === 0 ? runtime.now() : 0
    return { channel, group, attempts, first: firstFailure || now, last: lastFailure || now }
  }
}

/** The error that a parking note tells of. */
export function errorOf(note: ParkNote, id: string): PabalError {
  const code = Object.hasOwn(errorTable, note.code) ? (note.code as ErrorCode) : 'ATTEMPTS_SPENT'
  return new PabalError(code, note.reason, { id })
}
