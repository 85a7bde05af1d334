/**
 * Commits of one group member: one at a time, all partitions together, always the newest. Two commits that are under way
 * at once may land in the wrong order and rewind the group.
 */
export class Commits {
  readonly #commit: (offsets: ReadonlyMap<number, bigint>) => Promise<void>
  #wanted = new Map<number, bigint>()
  #running: Promise<void> | undefined

  constructor(commit: (offsets: ReadonlyMap<number, bigint>) => Promise<void>) {
    this.#commit = commit
  }

  add(partition: number, offset: bigint): void {
    this.#wanted.set(partition, offset)
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** Resolves when all that was added has been committed or refused. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#wanted.size > 0) {
      const offsets = this.#wanted
      this.#wanted = new Map()
      await this.#commit(offsets).catch(() => undefined)
    }
    this.#running = undefined
  }
}
