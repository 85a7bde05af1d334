/** The longest and shortest time before an unknown command is handed out again, in milliseconds. */
const longest = 1000
const shortest = 50

/** More than these are forgotten, oldest first; a forgotten one's grace begins anew. */
const remembered = 10_000

/** When unknown commands were first seen by this consumer, so that their grace ends. */
export class Grace {
  readonly #grace: number
  readonly #seen = new Map<string, number>()

  constructor(grace: number) {
    this.#grace = grace
  }

  /** Milliseconds after which to look again, or undefined where the grace of this message is over (and it is forgotten). */
  remaining(id: string, now: number): number | undefined {
    const first = this.#seen.get(id)
    const left = first === undefined ? this.#grace : first + this.#grace - now
    if (left <= 0) {
      this.#seen.delete(id)
      return undefined
    }
    if (first === undefined) this.#remember(id, now)
    return Math.min(left, longest, Math.max(shortest, this.#grace / 8))
  }

  has(id: string): boolean {
    return this.#seen.has(id)
  }

  /** It became known here after all. */
  forget(id: string): void {
    if (this.#seen.size > 0) this.#seen.delete(id)
  }

  #remember(id: string, now: number): void {
    if (this.#seen.size >= remembered) {
      const [oldest] = this.#seen.keys()
      if (oldest !== undefined) this.#seen.delete(oldest)
    }
    this.#seen.set(id, now)
  }
}
