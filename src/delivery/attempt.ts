import type { PabalError } from '../errors.ts'
import { sizeOf } from '../message/limits.ts'
import type { Runtime, Timer } from '../runtime/runtime.ts'
import type { Delivery, ParkNote, Settlement } from '../transport/seam.ts'
import type { Chain } from './chain.ts'
import { oneLine } from './failure.ts'
import type { HandleContext } from './types.ts'

/** `queued`: waits for the message before it or for a free handler. `holding`: failed, and waits for its next attempt. */
export type AttemptState = 'queued' | 'running' | 'holding' | 'settled'

/** Handled, and nothing was said: one for all of them. */
export const handled: Settlement = Object.freeze({ emit: Object.freeze([]) })

/** One delivery inside the engine, from the moment it is handed out to its settlement; also what its handler is given. */
export class Attempt implements HandleContext {
  readonly delivery: Delivery
  readonly bytes: number
  state: AttemptState = 'queued'
  /** Attempts that failed so far, those before it was parked included. */
  failures: number
  firstFailure = 0
  lastFailure = 0
  error: PabalError | undefined = undefined
  /** When it failed first here, on the monotonic clock; undefined before that. */
  heldSince: number | undefined = undefined
  /** When the next attempt is due, wall clock; for the note if it is parked meanwhile. */
  due = 0
  timer: Timer | undefined = undefined
  /** The messages of its key, where it has one. */
  chain: Chain<Attempt> | undefined = undefined
  /** The next of its key. */
  next: Attempt | undefined = undefined
  /** Its neighbours among all that is open. */
  older: Attempt | undefined = undefined
  newer: Attempt | undefined = undefined
  /** Counted among those that keep others from being handed out. */
  blocked = false
  /** The payload is known: whatever fails from now on is the handler's. */
  decoded = false
  #settlement: Settlement | Promise<Settlement> | undefined = undefined
  #resolve: ((settlement: Settlement) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  readonly #runtime: Runtime
  #arrived: number | undefined = undefined
  #controller: AbortController | undefined = undefined
  #aborted: PabalError | undefined = undefined

  constructor(delivery: Delivery, runtime: Runtime) {
    this.delivery = delivery
    this.#runtime = runtime
    this.bytes = sizeOf(delivery.message)
    const { parked } = delivery
    // A redriven message begins anew.
    this.failures = parked === undefined || parked.order === 'redrive' ? 0 : parked.attempts
    if (parked !== undefined && this.failures > 0) {
      this.firstFailure = parked.firstFailure ?? 0
      this.lastFailure = parked.lastFailure ?? 0
    }
  }

  /** What the transport gets. Asked for once everything that needs no waiting is done: by then most are settled. */
  get settlement(): Settlement | Promise<Settlement> {
    this.#settlement ??= new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    return this.#settlement
  }

  settle(settlement: Settlement): void {
    if (this.#resolve !== undefined) this.#resolve(settlement)
    else this.#settlement = settlement
  }

  reject(error: unknown): void {
    if (this.#reject !== undefined) this.#reject(error)
    else this.#settlement = Promise.reject(error)
  }

  /** Read where it is asked for first, since most are handled as they arrive and never ask; what waits is asked at once. */
  get arrived(): number {
    this.wait()
    return this.#arrived as number
  }

  /** It is not handled as it arrives: its time is taken now. */
  wait(): void {
    this.#arrived ??= this.#runtime.monotonic()
  }

  get waited(): boolean {
    return this.#arrived !== undefined
  }

  get attempt(): number {
    return this.failures + 1
  }

  /** Made when asked for: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
    }
    return this.#controller.signal
  }

  /** Nothing that this attempt does will count: the shard is lost. */
  get fenced(): boolean {
    return this.delivery.signal.aborted
  }

  abort(reason: PabalError): void {
    this.#aborted ??= reason
    this.#controller?.abort(reason)
  }

  failed(error: PabalError, now: number): void {
    this.failures++
    this.error = error
    if (this.failures === 1) this.firstFailure = now
    this.lastFailure = now
  }

  /** The note of this message as the one that failed with `error`. `due` undefined: not before a person asks for it. */
  note(error: PabalError, due: number | undefined): ParkNote {
    const { failures: attempts, firstFailure, lastFailure } = this
    return { due, attempts, code: error.code, reason: oneLine(error.message), firstFailure, lastFailure }
  }
}
