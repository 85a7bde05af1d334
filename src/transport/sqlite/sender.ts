import type { PabalError } from '../../errors.ts'
import type { Outgoing, SendResult } from '../seam.ts'
import type { StoreClient } from './client.ts'
import { Packer } from './packer.ts'
import type { Stored } from './protocol.ts'

/** How many commits may be under way: one is written while the next is packed. */
const underWay = 2

const sent: readonly SendResult[] = Object.freeze(['sent'] as const)

/** What becomes of a commit: one result, which holds for each message in it. */
interface Commit {
  readonly result: Promise<readonly SendResult[]>
  readonly settle: (result: readonly SendResult[]) => void
}

/**
 * Durable sends. Those of one tick go together, and while two commits are under way what comes gathers for the next: a lone
 * message waits for nobody, and under load a commit is shared by many.
 */
export class Sender {
  readonly #store: StoreClient
  readonly #packer: Packer
  readonly #stored: (stored: readonly Stored[], nextDue: number | null) => void
  #next: Commit | undefined
  #commits = 0
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(store: StoreClient, shards: number, stored: (stored: readonly Stored[], nextDue: number | null) => void) {
    this.#store = store
    this.#packer = new Packer(shards)
    this.#stored = stored
  }

  /** Resolves when the message is stored and synced, with one result. All messages of a commit share the promise. */
  send(outgoing: Outgoing): Promise<readonly SendResult[]> {
    this.#packer.add(outgoing)
    if (this.#next === undefined) {
      const { promise, resolve } = Promise.withResolvers<readonly SendResult[]>()
      this.#next = { result: promise, settle: resolve }
      this.#schedule()
    }
    return this.#next.result
  }

  #schedule(): void {
    if (this.#scheduled || this.#commits >= underWay) return
    this.#scheduled = true
    // After all that this tick still has to say.
    process.nextTick(() => {
      this.#scheduled = false
      if (this.#next !== undefined) void this.#commit(this.#next)
    })
  }

  async #commit(commit: Commit): Promise<void> {
    this.#next = undefined
    this.#commits++
    let result = sent
    try {
      const taken = this.#packer.take()
      const { stored, nextDue } = await this.#store.call(
        'append',
        taken,
        taken.packs.map(({ bytes }) => bytes.buffer as ArrayBuffer),
      )
      this.#stored(stored, nextDue)
    } catch (error) {
      result = [error as PabalError]
    }
    this.#commits--
    // Behind the writing of the wake-ups: those that read go on while whoever sent prepares the next.
    process.nextTick(commit.settle, result)
    if (this.#next !== undefined) this.#schedule()
    else if (this.#commits === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Resolves when nothing is under way. */
  drained(): Promise<void> {
    return this.#commits === 0 && this.#next === undefined ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }
}
