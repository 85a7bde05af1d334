import type { PabalError } from '../errors.ts'
import type { Runtime, Timer } from '../runtime/runtime.ts'
import type { ParkNote, Settlement } from '../transport/seam.ts'
import type { Attempt } from './attempt.ts'
import { Chain } from './chain.ts'
import type { Endings } from './endings.ts'
import { errorOf } from './endings.ts'
import { oneLine } from './failure.ts'
import { type Ledger, released } from './ledger.ts'
import type { ShardState, Shards } from './shards.ts'
import type { Slots } from './slots.ts'
import type { Counters, DeliveryPolicy } from './types.ts'

/** Crowded keys are looked at so often, in milliseconds. */
const lookEvery = 250
/** A head that runs at so many looks is slow, and its followers are parked. A process that stood still looks once. */
const slowAfter = 4

/** How many empty chains may be kept before they are swept away. */
const keptChains = 1000

/** How long the messages of a key wait for an earlier one that was given back, beyond its own time, if it does not come. */
const patience = 1000

/** After how many milliseconds they are to come again. */
const again = 50

/** What the parts of one engine share. */
export interface House {
  readonly runtime: Runtime
  readonly policy: DeliveryPolicy
  readonly counters: Counters
  readonly parks: boolean
  readonly ledger: Ledger
  readonly shards: Shards
  readonly slots: Slots
  readonly endings: Endings
}

/**
 * Order per key. The messages of a key form a chain whose head alone is handled; where a head goes that cannot be handled
 * now (back to the queue, to the parking lot), its followers go at the same moment and in order, so that none overtakes it.
 */
export class Keys {
  readonly #house: House
  /** Empty ones are kept for a while: a map of entries that come and go one by one costs more than all the rest. */
  #chains = new Map<string, Chain<Attempt>>()
  #sweepAt = keptChains
  readonly #crowded = new Set<Chain<Attempt>>()
  #watch: Timer | undefined = undefined

  constructor(house: House) {
    this.#house = house
  }

  /** A delivery with a key comes in. */
  join(attempt: Attempt, key: string, shard: ShardState): void {
    const { slots, ledger, parks } = this.#house
    const { delivery } = attempt
    if (delivery.parked !== undefined) {
      // One that a person moved there: from now on it is known.
      if (shard.parkedOf(key) === 0) shard.change(key, 1)
    } else if (delivery.ahead !== true && shard.parkedOf(key) > 0) {
      this.#parkBehind(attempt)
      return
    }
    const chain = this.#chains.get(key) ?? this.#chain(key)
    if (chain.givenBack !== undefined) {
      if (chain.givenBack.id !== delivery.message.id) {
        this.#release(attempt, chain.givenBack.after ?? again)
        return
      }
      chain.givenBack.timer.cancel()
      chain.givenBack = undefined
    }
    chain.push(attempt)
    if (chain.head === attempt) slots.admit(attempt)
    else {
      ledger.block(attempt)
      if (parks && this.isCrowded(chain)) this.#relieve(chain, chain.head as Attempt)
    }
  }

  #chain(key: string): Chain<Attempt> {
    if (this.#chains.size >= this.#sweepAt) this.#sweep()
    const chain = new Chain<Attempt>(key)
    this.#chains.set(key, chain)
    return chain
  }

  #sweep(): void {
    const busy = new Map<string, Chain<Attempt>>()
    for (const [key, chain] of this.#chains) if (chain.head !== undefined || chain.givenBack !== undefined) busy.set(key, chain)
    this.#chains = busy
    this.#sweepAt = busy.size * 2 + keptChains
  }

  /** It came too late: the shard is going, or the consumer is closing. */
  refuse(attempt: Attempt): void {
    this.#release(attempt, undefined)
  }

  /** More follow than may wait, or what waits leaves no room for other keys. */
  isCrowded(chain: Chain<Attempt> | undefined): boolean {
    return this.#house.ledger.starving || (chain !== undefined && chain.length - 1 > this.#house.policy.maxFollowers)
  }

  /** The attempt, which ran, is over and its message settled: the next one's turn. */
  finish(attempt: Attempt, settlement: Settlement): void {
    this.#settle(attempt, settlement)
    this.#leave(attempt)
  }

  /** The message goes to the parking lot, and its followers behind it. */
  park(attempt: Attempt, note: ParkNote): void {
    const { chain, state, delivery } = attempt
    this.#house.endings.report('parked', attempt, errorOf(note, delivery.message.id))
    this.#settle(attempt, { park: note })
    for (const follower of chain?.takeFollowers() ?? []) this.#parkBehind(follower)
    if (state === 'running') this.#leave(attempt)
    else if (chain !== undefined) this.#advance(chain)
  }

  /** The attempt, which ran, is given back, and its followers with it. */
  giveBack(attempt: Attempt, after: number | undefined): void {
    this.#release(attempt, after)
    this.#giveBackFollowers(attempt, after)
    this.#leave(attempt)
  }

  /** A fault point threw: the simulated process is dead, and its transport takes a rejection as given back. */
  crash(attempt: Attempt, error: unknown): void {
    if (attempt.state === 'settled') return
    this.#house.ledger.reject(attempt, error)
    this.#giveBackFollowers(attempt, undefined)
    this.#leave(attempt)
  }

  /**
   * Gives back, in order, what has not begun. With `keep` a head that has failed is parked instead, followers and all, so
   * that its attempts are not forgotten.
   */
  giveBackWaiting(which: (attempt: Attempt) => boolean, keep: boolean): void {
    for (const attempt of this.#house.ledger.open) {
      if (attempt.state === 'running' || attempt.state === 'settled' || !which(attempt)) continue
      const { chain } = attempt
      const head = chain?.head ?? attempt
      if (head.state === 'holding' && keep && this.#house.parks) {
        this.park(head, head.note(head.error as PabalError, head.due))
        continue
      }
      const followers = chain?.takeFollowers() ?? []
      if (head.state !== 'running') {
        this.#release(head, undefined)
        if (chain !== undefined) this.#advance(chain)
      }
      for (const follower of followers) this.#release(follower, undefined)
    }
  }

  /** A shard is owned anew: its messages come in their order, whoever handled what was given back before. */
  assigned(shard: string): void {
    for (const chain of this.#chains.values()) if (chain.givenBack?.shard === shard) this.#forgive(chain)
  }

  /** Nothing is looked after any more. */
  stop(): void {
    this.#watch?.cancel()
    for (const chain of this.#chains.values()) if (chain.givenBack !== undefined) this.#forgive(chain)
  }

  #settle(attempt: Attempt, settlement: Settlement): void {
    const { shards, counters, ledger } = this.#house
    const { parked, shard, message } = attempt.delivery
    if ('park' in settlement && parked === undefined) {
      counters.parked++
      if (message.key !== undefined) shards.get(shard).change(message.key, 1)
    } else if (parked !== undefined && 'emit' in settlement && message.key !== undefined) shards.get(shard).change(message.key, -1)
    ledger.settle(attempt, settlement)
  }

  #release(attempt: Attempt, after: number | undefined): void {
    this.#house.counters.released++
    this.#house.ledger.settle(attempt, after === undefined ? released : { release: { after } })
  }

  #parkBehind(attempt: Attempt): void {
    const { parked, message } = attempt.delivery
    const due = this.#house.runtime.now()
    const reason = oneLine(`An earlier message of the key ${JSON.stringify(message.key)} is parked, or runs for long`)
    // What comes from the lot keeps its own note, and an order that was not carried out yet.
    this.#settle(attempt, { park: parked === undefined ? { due, attempts: 0, code: 'KEY_PARKED', reason } : { ...parked, due } })
  }

  #giveBackFollowers({ chain, delivery }: Attempt, after: number | undefined): void {
    if (chain === undefined) return
    for (const follower of chain.takeFollowers()) this.#release(follower, after)
    // What the transport had on its way meanwhile would overtake them.
    const timer = this.#house.runtime.timer((after ?? 0) + patience, () => this.#forgive(chain), true)
    chain.givenBack = { id: delivery.message.id, shard: delivery.shard, after, timer }
  }

  /** Waits no more for the message that was given back. */
  #forgive(chain: Chain<Attempt>): void {
    chain.givenBack?.timer.cancel()
    chain.givenBack = undefined
  }

  /** The slot is free, and the next of the key is the head. */
  #leave(attempt: Attempt): void {
    this.#house.slots.done(attempt)
    if (attempt.chain !== undefined) this.#advance(attempt.chain)
  }

  #advance(chain: Chain<Attempt>): void {
    chain.shift()
    const { head } = chain
    if (head !== undefined) {
      this.#house.ledger.unblock(head)
      this.#house.slots.admit(head)
    }
  }

  /** A chain is crowded: a failing head is parked at once, a running one is given a moment. */
  #relieve(chain: Chain<Attempt>, head: Attempt): void {
    if (head.state === 'holding') this.park(head, head.note(head.error as PabalError, head.due))
    else if (chain.watched === undefined) {
      this.#crowded.add(chain)
      this.#watch ??= this.#house.runtime.timer(lookEvery, this.#look)
    }
  }

  readonly #look = (): void => {
    this.#watch = undefined
    for (const chain of this.#crowded) {
      const { head } = chain
      if (head !== undefined && this.isCrowded(chain)) {
        chain.looks = head === chain.watched && head.state === 'running' ? chain.looks + 1 : 1
        chain.watched = head
        if (chain.looks < slowAfter) continue
        for (const follower of chain.takeFollowers()) this.#parkBehind(follower)
      }
      chain.watched = undefined
      this.#crowded.delete(chain)
    }
    if (this.#crowded.size > 0) this.#watch ??= this.#house.runtime.timer(lookEvery, this.#look)
  }
}
