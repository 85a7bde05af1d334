/** What one subscription may have out, over all of its shards. */
export class Bounds {
  readonly #maxMessages: number
  readonly #maxBytes: number
  /** Those that wait for room, asked in turn. */
  readonly #waiting = new Set<() => void>()
  #held = 0
  #bytes = 0

  constructor(limits: { readonly maxMessages: number; readonly maxBytes: number }) {
    this.#maxMessages = limits.maxMessages
    this.#maxBytes = limits.maxBytes
  }

  /** Takes room, or calls `wake` once when there may be some. One message is always allowed. */
  take(size: number, wake: () => void): boolean {
    if (this.#held > 0 && (this.#held >= this.#maxMessages || this.#bytes + size > this.#maxBytes)) {
      this.#waiting.add(wake)
      return false
    }
    this.#held++
    this.#bytes += size
    return true
  }

  back(size: number): void {
    this.#held--
    this.#bytes -= size
    // Whoever is woken and finds no room waits again, behind the others.
    for (let left = this.#waiting.size; left > 0 && this.#held < this.#maxMessages; left--) {
      const [wake] = this.#waiting
      if (wake === undefined) return
      this.#waiting.delete(wake)
      wake()
    }
  }
}
