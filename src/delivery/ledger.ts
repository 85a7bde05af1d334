import { OpenList } from '../runtime/open-list.ts'
import type { Settlement } from '../transport/seam.ts'
import type { Attempt } from './attempt.ts'

/** Given back, to come again as soon as may be. */
export const released: Settlement = Object.freeze({ release: Object.freeze({}) })

/** Everything that is handed out and unsettled: how much it is, and how much of it keeps other keys waiting. */
export class Ledger {
  count = 0
  bytes = 0
  /** Keys whose head failed and waits for its next attempt. */
  heldKeys = 0
  readonly #maxMessages: number
  readonly #maxBytes: number
  readonly #open = new OpenList<Attempt>()
  #blocked = 0
  #blockedBytes = 0
  #whenEmpty: (() => void) | undefined = undefined

  constructor(bounds: { readonly maxMessages: number; readonly maxBytes: number }) {
    this.#maxMessages = bounds.maxMessages
    this.#maxBytes = bounds.maxBytes
  }

  add(attempt: Attempt): void {
    this.count++
    this.bytes += attempt.bytes
    this.#open.add(attempt)
  }

  /** All that is open, in order of arrival. */
  get open(): Attempt[] {
    return [...this.#open]
  }

  get running(): Attempt[] {
    return this.open.filter((attempt) => attempt.state === 'running')
  }

  /** What waits for others fills half of what may be handed out, so that soon no other key might be. */
  get starving(): boolean {
    return this.#blocked * 2 > this.#maxMessages || this.#blockedBytes * 2 > this.#maxBytes
  }

  /** It waits for the message before it, or for its next attempt: free handlers do not help. */
  block(attempt: Attempt): void {
    if (attempt.blocked) return
    attempt.blocked = true
    this.#blocked++
    this.#blockedBytes += attempt.bytes
  }

  unblock(attempt: Attempt): void {
    if (!attempt.blocked) return
    attempt.blocked = false
    this.#blocked--
    this.#blockedBytes -= attempt.bytes
  }

  /** Its next attempt is `delay` away. */
  hold(attempt: Attempt): void {
    attempt.state = 'holding'
    this.block(attempt)
    if (attempt.chain !== undefined) this.heldKeys++
  }

  letGo(attempt: Attempt): void {
    attempt.timer?.cancel()
    attempt.timer = undefined
    if (attempt.chain !== undefined) this.heldKeys--
    attempt.state = 'queued'
    this.unblock(attempt)
  }

  settle(attempt: Attempt, settlement: Settlement): void {
    this.#close(attempt)
    attempt.settle(settlement)
  }

  reject(attempt: Attempt, error: unknown): void {
    this.#close(attempt)
    attempt.reject(error)
  }

  /** Resolves when nothing is open. */
  empty(): Promise<void> {
    if (this.count === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  #close(attempt: Attempt): void {
    if (attempt.state === 'holding') this.letGo(attempt)
    if (attempt.blocked) this.unblock(attempt)
    attempt.state = 'settled'
    this.#open.remove(attempt)
    this.bytes -= attempt.bytes
    if (--this.count === 0) this.#whenEmpty?.()
  }
}
