import type { Delivery } from '../transport/seam.ts'

/** What the engine knows of a shard that it owns. */
export class ShardState {
  /** The signal of the last delivery: where the transport has one a shard, it is looked at once. */
  signal: AbortSignal | undefined = undefined
  /** Going to another member: nothing of it begins any more. */
  revoking = false
  /** How many messages of a key lie in the parking lot. */
  #parked: Map<string, number> | undefined = undefined

  get parkedKeys(): number {
    return this.#parked?.size ?? 0
  }

  parkedOf(key: string): number {
    return this.#parked?.get(key) ?? 0
  }

  /** Replaces what was known, at the beginning of an ownership. */
  assign(parked: ReadonlyMap<string, number>): void {
    this.revoking = false
    this.#parked = undefined
    for (const [key, count] of parked) if (count > 0) this.change(key, count)
  }

  change(key: string, by: number): void {
    this.#parked ??= new Map()
    const count = this.parkedOf(key) + by
    if (count > 0) this.#parked.set(key, count)
    else this.#parked.delete(key)
  }
}

/** The shards that deliveries come from. A handful a channel, so they are kept. */
export class Shards {
  readonly #shards = new Map<string, ShardState>()
  readonly #seen = new WeakSet<AbortSignal>()
  readonly #lost: (signal: AbortSignal) => void

  /** `lost` is told once when the signal of a shard is aborted. */
  constructor(lost: (signal: AbortSignal) => void) {
    this.#lost = lost
  }

  get(shard: string): ShardState {
    let state = this.#shards.get(shard)
    if (state !== undefined) return state
    state = new ShardState()
    this.#shards.set(shard, state)
    return state
  }

  /** The shard of a delivery, whose signal is watched from now on. */
  of(delivery: Delivery): ShardState {
    const state = this.get(delivery.shard)
    const { signal } = delivery
    if (state.signal !== signal) {
      state.signal = signal
      if (!this.#seen.has(signal)) {
        this.#seen.add(signal)
        signal.addEventListener('abort', () => this.#lost(signal), { once: true })
      }
    }
    return state
  }

  get parkedKeys(): number {
    let keys = 0
    for (const state of this.#shards.values()) keys += state.parkedKeys
    return keys
  }
}
