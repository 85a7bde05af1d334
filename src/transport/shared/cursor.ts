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
  /** Taken and not settled, in the order of the log. */
  readonly #open = new Set<number>()
  readonly #done: Set<number>
  #floor: number
  #next: number
  #dirty = false
  #running: Promise<void> | undefined

  constructor(place: Place, store: (place: Place) => Promise<void>, failed: (error: unknown) => void) {
    this.#floor = place.floor
    this.#next = place.floor
    this.#done = new Set(place.done)
    this.#store = store
    this.#failed = failed
  }

  get place(): Place {
    return { floor: this.#floor, done: [...this.#done] }
  }

  /** The log reached `position`. False where it was settled before. */
  reached(position: number): boolean {
    this.#next = position + 1
    if (position < this.#floor || this.#done.has(position)) return false
    this.#open.add(position)
    return true
  }

  settled(position: number): void {
    if (!this.#open.delete(position)) return
    this.#done.add(position)
    const [oldest = this.#next] = this.#open
    if (oldest > this.#floor) {
      this.#floor = oldest
      for (const done of this.#done) if (done < oldest) this.#done.delete(done)
    }
    this.#dirty = true
    this.#running ??= this.#run()
  }

  /** Resolves when all that was settled is written, or was refused. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
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
