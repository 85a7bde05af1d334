/** How far a group is in a shard's log: everything before `floor` is settled, and what `done` names of the rest. */
export interface Place {
  readonly floor: number
  readonly done: readonly number[]
}

/**
 * What was settled of a log, in whatever order. A log has one position for a group; what is settled above it must be
 * remembered beside it, or it comes again when the shard changes hands. Written one at a time, always the newest.
 */
export class Cursor {
  readonly #store: (place: Place) => Promise<void>
  readonly #failed: (error: unknown) => void
  /** What was taken of the log, in its order, from `#head` on; and, by index, whether it is settled. */
  #taken: number[] = []
  #settled: boolean[] = []
  #head = 0
  /** Settled by an owner before, and not reached yet. */
  readonly #before: Set<number>
  #floor: number
  #next: number
  #dirty = false
  #running: Promise<void> | undefined

  constructor(place: Place, store: (place: Place) => Promise<void>, failed: (error: unknown) => void) {
    this.#floor = place.floor
    this.#next = place.floor
    this.#before = new Set(place.done)
    this.#store = store
    this.#failed = failed
  }

  get place(): Place {
    const done: number[] = []
    for (let i = this.#head; i < this.#taken.length; i++) if (this.#settled[i]) done.push(this.#taken[i] as number)
    for (const position of this.#before) if (position >= this.#floor) done.push(position)
    return { floor: this.#floor, done }
  }

  /** How many were taken and are not all settled. */
  get open(): number {
    return this.#taken.length - this.#head
  }

  /** The log reached `position`. False where it was settled before. */
  reached(position: number): boolean {
    this.#next = position + 1
    if (position < this.#floor) return false
    if (this.#before.size > 0 && this.#before.delete(position)) {
      // It stays remembered until everything before it is settled.
      if (this.open === 0) this.#rise()
      else this.#push(position, true)
      return false
    }
    this.#push(position, false)
    return true
  }

  /** The log holds nothing more before `position`. */
  passed(position: number): void {
    if (position <= this.#next) return
    this.#next = position
    if (this.open === 0) this.#rise()
  }

  /** Somebody else took it away: as if it had been settled, also where the log was not read so far. */
  skip(position: number): void {
    if (position < this.#next) this.settled(position)
    else this.#before.add(position)
  }

  settled(position: number): void {
    const at = this.#find(position)
    if (at < 0 || this.#settled[at]) return
    this.#settled[at] = true
    if (at === this.#head) this.#rise()
    else this.#write()
  }

  /** Writes it anew, for what stands beside it. */
  touch(): void {
    this.#write()
  }

  /** Resolves when all that was settled is written, or was refused. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
  }

  #push(position: number, settled: boolean): void {
    if (this.#head > 1024 && this.#head * 2 > this.#taken.length) {
      this.#taken = this.#taken.slice(this.#head)
      this.#settled = this.#settled.slice(this.#head)
      this.#head = 0
    }
    this.#taken.push(position)
    this.#settled.push(settled)
  }

  #rise(): void {
    while (this.#head < this.#taken.length && this.#settled[this.#head]) this.#head++
    const floor = this.#taken[this.#head] ?? this.#next
    if (floor > this.#floor) {
      this.#floor = floor
      this.#write()
    }
  }

  #find(position: number): number {
    let low = this.#head
    let high = this.#taken.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const there = this.#taken[middle] as number
      if (there === position) return middle
      if (there < position) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  #write(): void {
    this.#dirty = true
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    await undefined
    try {
      while (this.#dirty) {
        this.#dirty = false
        await this.#store(this.place)
      }
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#running = undefined
    }
  }
}
