/** What waits for a reply under an id. */
interface Correlated {
  readonly correlation: string
}

const places = 4096

/**
 * What waits, by correlation id. Nearly all ids are made here, and those of one moment differ in the counter that follows the
 * time in a UUIDv7: its three digits name a place in a table, since a `Map` that is filled and emptied all the time costs
 * several times as much. Whoever finds the place taken goes to a `Map`.
 */
export class Correlations<T extends Correlated> {
  readonly #table = new Array<T | undefined>(places).fill(undefined)
  readonly #others = new Map<string, T>()
  #placed = 0

  get size(): number {
    return this.#placed + this.#others.size
  }

  get(correlation: string): T | undefined {
    const found = this.#table[placeOf(correlation)]
    return found?.correlation === correlation ? found : this.#others.get(correlation)
  }

  /** `item`: nothing else waits under its id. */
  add(item: T): void {
    const place = placeOf(item.correlation)
    if (this.#table[place] === undefined) {
      this.#table[place] = item
      this.#placed++
    } else this.#others.set(item.correlation, item)
  }

  remove(item: T): void {
    const { correlation } = item
    const place = placeOf(correlation)
    if (this.#table[place] === item) {
      this.#table[place] = undefined
      this.#placed--
    } else if (this.#others.get(correlation) === item) this.#others.delete(correlation)
  }

  all(): T[] {
    return [...this.#table.filter((item) => item !== undefined), ...this.#others.values()]
  }
}

/** Any other text has a place too, if not such a good one. */
function placeOf(id: string): number {
  return ((digit(id, 15) << 8) | (digit(id, 16) << 4) | digit(id, 17)) & (places - 1)
}

/** The value of a hexadecimal digit in lower case. */
function digit(id: string, at: number): number {
  const unit = id.charCodeAt(at)
  return (unit & 15) + (unit >> 6) * 9
}
