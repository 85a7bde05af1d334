/** What can stand in an `OpenList`. */
export interface Listed<T> {
  older: T | undefined
  newer: T | undefined
}

/**
 * What comes and goes all the time, in the order in which it came. Not a Set: that makes a new table every few changes, and a table that has
 * grown old keeps those after it in memory, with all that was in them, until the collector searches everything.
 */
export class OpenList<T extends Listed<T>> {
  #oldest: T | undefined = undefined
  #newest: T | undefined = undefined

  get isEmpty(): boolean {
    return this.#oldest === undefined
  }

  add(item: T): void {
    item.older = this.#newest
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.newer = item
    this.#newest = item
  }

  /** Takes away what is in it. */
  remove(item: T): void {
    const { older, newer } = item
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    item.older = undefined
    item.newer = undefined
  }

  /** Meanwhile only the one that is looked at may be taken away. */
  *[Symbol.iterator](): Iterator<T> {
    for (let each = this.#oldest; each !== undefined; ) {
      const { newer } = each
      yield each
      each = newer
    }
  }
}
