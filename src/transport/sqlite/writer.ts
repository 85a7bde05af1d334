import { isPabalError } from '../../errors.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Outgoing } from '../seam.ts'
import type { StoreClient } from './client.ts'
import type { OwnedShard } from './owned-shard.ts'
import type { Operations, ShardSettlement } from './protocol.ts'

/** How long a settlement that could not be written waits until it is tried again, in milliseconds. */
export const writeAgain = 250
/** A bare acknowledgement is written within this time in milliseconds, or when so many have gathered. */
const writeWithin = 5
const writeTogether = 1024

export interface WriterEnvironment {
  readonly store: StoreClient
  readonly runtime: Runtime
  group(): number
  shards(): Iterable<OwnedShard>
  /** The shards that were written, in the order of the settlements, and what of them was transient. */
  written(
    shards: readonly OwnedShard[],
    freed: readonly OwnedShard[],
    transient: readonly (readonly Outgoing[])[],
    result: Operations['settle']['gives'],
  ): void
  /** The store refuses to be written to, or takes it again. */
  state(problem: string | undefined): void
}

/** Writes what became of deliveries: one settlement of all shards at a time. */
export class Writer {
  readonly #env: WriterEnvironment
  #writing: Promise<void> | undefined
  #more = false
  #unwritten = 0
  #later: Timer | undefined
  #until = Number.POSITIVE_INFINITY
  /** The store refuses: nothing more should be taken on. */
  stuck = false

  constructor(env: WriterEnvironment) {
    this.#env = env
  }

  /**
   * Something of the shard is to be written: at once where somebody waits for it, otherwise together with what comes until
   * then. Nobody waits for a bare acknowledgement; until it is written the message would be handled again should the
   * process die.
   */
  add(shard: OwnedShard, waitedFor: boolean): void {
    shard.dirty = true
    if (waitedFor || ++this.#unwritten >= writeTogether) this.flush()
    else this.#later ??= this.#env.runtime.timer(writeWithin, () => this.flush(), true)
  }

  flush(): void {
    this.#later?.cancel()
    this.#later = undefined
    this.#unwritten = 0
    this.#more = true
    // In the next turn: what is settled in this one goes along.
    this.#writing ??= new Promise<void>((resolve) => void this.#env.runtime.timer(0, resolve, true)).then(() => this.#writeAll())
    // Who closes is told of it; nobody else need be.
    this.#writing.catch(() => undefined)
  }

  /** Resolves when nothing is being written; rejects where it could not be. */
  async done(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  /** From then on what the store refuses is given up: it will be delivered again. */
  giveUpAfter(ms: number): void {
    this.#until = this.#env.runtime.monotonic() + ms
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#more) await this.#writeOnce()
    } finally {
      // In the same breath as the last look: a flush that comes between the two would be forgotten.
      this.#writing = undefined
    }
  }

  async #writeOnce(): Promise<void> {
    const { group, shards: owned, written } = this.#env
    this.#more = false
    const shards = [...owned()].filter((shard) => shard.dirty)
    if (shards.length === 0) return
    const freed = shards.filter((shard) => shard.revoking && shard.outCount === 0)
    const transient = shards.map((shard) => shard.takeTransient())
    const result = await this.#persist(shards.map((shard) => shard.settlement(group(), freed.includes(shard))))
    written(shards, freed, transient, result)
  }

  /** Nothing of a settlement may be lost: it is written again until the store takes it. */
  async #persist(settlements: readonly ShardSettlement[]): Promise<Operations['settle']['gives']> {
    const { store, runtime, state } = this.#env
    for (;;) {
      try {
        const result = await store.call('settle', { settlements })
        if (this.stuck) {
          this.stuck = false
          state(undefined)
        }
        return result
      } catch (error) {
        if (!isPabalError(error) || error.code === 'CLOSED' || runtime.monotonic() >= this.#until) throw error
        this.stuck = true
        state(`${error.code}: ${error.message}`)
        await new Promise<void>((resolve) => void runtime.timer(writeAgain, resolve, true))
      }
    }
  }
}
