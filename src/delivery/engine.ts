import { PabalError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Receive } from '../transport/seam.ts'
import { Attempt } from './attempt.ts'
import { Endings } from './endings.ts'
import { Keys } from './keys.ts'
import { Ledger } from './ledger.ts'
import { Runner } from './runner.ts'
import { Shards } from './shards.ts'
import { Slots } from './slots.ts'
import type { ConsumerOptions, Load } from './types.ts'

/**
 * What happens to deliveries, from hand-out to settlement. Each waits in the chain of its key, is handled when it is the
 * head and a slot is free, and is settled once.
 */
export class Engine {
  readonly #ledger: Ledger
  readonly #shards: Shards
  readonly #slots: Slots
  readonly #keys: Keys
  readonly #durable: boolean
  readonly #runtime: Runtime
  #closing = false

  constructor(options: ConsumerOptions) {
    const { policy, runtime, counters, durable } = options
    this.#durable = durable
    this.#runtime = runtime
    this.#ledger = new Ledger(policy)
    this.#shards = new Shards((signal) => this.#lost(signal))
    this.#slots = new Slots(policy.concurrency, (attempt) => runner.run(attempt))
    const parks = durable && options.capabilities.parks
    const house = {
      runtime,
      policy,
      counters,
      parks,
      ledger: this.#ledger,
      shards: this.#shards,
      slots: this.#slots,
      endings: new Endings(options),
    }
    this.#keys = new Keys(house)
    const runner = new Runner(options, house, this.#keys, (shard) => this.#closing || this.#shards.get(shard).revoking)
  }

  set concurrency(value: number) {
    this.#slots.limit = value
  }

  get load(): Load {
    const { running } = this.#slots
    const { count, bytes, heldKeys } = this.#ledger
    return { running, waiting: count - running, bytes, heldKeys, parkedKeys: this.#shards.parkedKeys }
  }

  /** What runs now. */
  get running(): readonly Attempt[] {
    return this.#ledger.running
  }

  readonly receive: Receive = (delivery) => {
    const attempt = new Attempt(delivery, this.#runtime)
    const shard = this.#shards.of(delivery)
    const { key } = delivery.message
    this.#ledger.add(attempt)
    if (this.#closing || shard.revoking || delivery.signal.aborted) this.#keys.refuse(attempt)
    else if (key === undefined || !this.#durable) this.#slots.admit(attempt)
    else this.#keys.join(attempt, key, shard)
    if (attempt.state === 'queued') attempt.wait()
    return attempt.settlement
  }

  assigned(shard: string, parked: ReadonlyMap<string, number>): void {
    this.#shards.get(shard).assign(parked)
    this.#keys.assigned(shard)
  }

  revoking(shard: string): void {
    this.#shards.get(shard).revoking = true
    this.#keys.giveBackWaiting((attempt) => attempt.delivery.shard === shard, true)
  }

  /** Gives back what has not begun and refuses what comes; resolves when everything is settled. */
  drain(): Promise<void> {
    this.#closing = true
    this.#keys.stop()
    this.#keys.giveBackWaiting(() => true, true)
    return this.#ledger.empty()
  }

  /** Aborts the signals of what runs. What it comes to is still settled, if somebody is there to take it. */
  abort(error: PabalError): void {
    for (const attempt of this.#ledger.running) attempt.abort(error)
  }

  /** A shard went to another member: what runs of it is told, what has not begun is given back. */
  #lost(signal: AbortSignal): void {
    for (const attempt of this.#ledger.running) {
      const { message, shard } = attempt.delivery
      if (attempt.delivery.signal !== signal) continue
      const text = `${message.type} ${message.id} is handled by another consumer: this one lost the shard ${shard}`
      attempt.abort(new PabalError('FENCED', text, { id: message.id }))
    }
    this.#keys.giveBackWaiting((attempt) => attempt.delivery.signal === signal, false)
  }
}
