/** What arrives one by one and ends some time: any number of iterators see all of it, each from the beginning. */
export class Arrivals<T> {
  readonly items: T[] = []
  #done = false
  #error: unknown
  #failed = false
  #waiting: (() => void)[] = []

  add(item: T): void {
    this.items.push(item)
    this.#wake()
  }

  /** Ends it, with an error where one is given: then iterators throw it after the last item. */
  finish(...error: readonly [unknown?]): void {
    if (this.#done) return
    this.#done = true
    this.#failed = error.length > 0
    this.#error = error[0]
    this.#wake()
  }

  /** Resolves at the end; rejects where it ended with an error. */
  async finished(): Promise<void> {
    while (!this.#done) await this.#news()
    if (this.#failed) throw this.#error
  }

  /** `broken` is called when an iteration is broken off early. */
  iterate(broken: () => void): AsyncIterator<T> {
    let at = 0
    let over = false
    const next = async (): Promise<IteratorResult<T>> => {
      for (;;) {
        if (over) return { done: true, value: undefined }
        if (at < this.items.length) return { done: false, value: this.items[at++] as T }
        if (this.#done) {
          over = true
          if (this.#failed) throw this.#error
          continue
        }
        await this.#news()
      }
    }
    return {
      next,
      return: async () => {
        over = true
        broken()
        return { done: true, value: undefined }
      },
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
