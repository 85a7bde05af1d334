import type { PabalError } from '../../errors.ts'
import type { Outgoing } from '../seam.ts'
import type { StoreClient } from './client.ts'
import { Packer } from './packer.ts'

/** How many commits may be under way: one is written while the next is packed. */
const underWay = 2

/**
 * Durable sends. Those of one tick go together, and while two commits are under way what comes gathers for the next: a lone
 * message waits for nobody, and under load a commit is shared by many.
 */
export class Sender {
  readonly #store: StoreClient
  readonly #packer: Packer
  readonly #stored: (channels: readonly string[], nextDue: number | null) => void
  #waiting: ((result: 'sent' | PabalError) => void)[] = []
  #commits = 0
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(store: StoreClient, shards: number, stored: (channels: readonly string[], nextDue: number | null) => void) {
    this.#store = store
    this.#packer = new Packer(shards)
    this.#stored = stored
  }

  /** Resolves when all of them are stored and synced, or says why none is. */
  send(batch: readonly Outgoing[]): Promise<'sent' | PabalError> {
    for (const outgoing of batch) this.#packer.add(outgoing)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#commits >= underWay) return
    this.#scheduled = true
    // After all that this tick still has to say.
    process.nextTick(() => {
      this.#scheduled = false
      if (this.#waiting.length > 0) void this.#commit()
    })
  }

  async #commit(): Promise<void> {
    const waiting = this.#waiting
    this.#waiting = []
    this.#commits++
    let result: 'sent' | PabalError = 'sent'
    try {
      const { touched, nextDue } = await this.#store.call('append', this.#packer.take())
      this.#stored(touched, nextDue)
    } catch (error) {
      result = error as PabalError
    }
    this.#commits--
    for (const resolve of waiting) resolve(result)
    if (this.#waiting.length > 0) this.#schedule()
    else if (this.#commits === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Resolves when nothing is under way. */
  drained(): Promise<void> {
    return this.#commits === 0 && this.#waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }
}
