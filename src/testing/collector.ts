import assert from 'node:assert/strict'
import type { Delivery, Outgoing, ParkNote, Receive, Settlement } from '../transport/seam.ts'
import { assertIds, assertOnce, assertSequence } from './samples.ts'

/** Decides over one delivery; the default acknowledges. */
export type Decide = (delivery: Delivery) => Settlement | Promise<Settlement>

export const done = (...emit: Outgoing[]): Settlement => ({ emit })
export const release = (after?: number): Settlement => ({ release: { after } })
export const park = (note: Partial<ParkNote> = {}): Settlement => ({
  park: { attempts: 1, code: 'HANDLER_FAILED', reason: 'a test', ...note },
})

/** A decision that a test takes later. */
export class Held {
  readonly #settle: ((settlement: Settlement) => void)[] = []
  readonly decide: Decide = () => new Promise((resolve) => this.#settle.push(resolve))

  get count(): number {
    return this.#settle.length
  }

  /** Settles everything that is held now. */
  settle(settlement: Settlement = done()): void {
    for (const settle of this.#settle.splice(0)) settle(settlement)
  }
}

/**
 * Takes deliveries for any number of members of one group, remembers them in the order in which they came, and checks at
 * all times that no key is in the hands of two members.
 */
export class Collector {
  readonly deliveries: Delivery[] = []
  /** The ids of what was acknowledged, in that order. */
  readonly handled: string[] = []
  readonly byMember = new Map<string, number>()
  readonly #holders = new Map<string, { member: string; count: number }>()
  readonly #violations: string[] = []
  readonly #outOf = new Map<string, number>()
  /** The most deliveries that were out at once, of all members. */
  highest = 0
  out = 0

  receive(member: string, decide: Decide = () => done()): Receive {
    return async (delivery) => {
      this.#begin(member, delivery)
      try {
        const settlement = await decide(delivery)
        if ('emit' in settlement) this.handled.push(delivery.message.id)
        return settlement
      } finally {
        this.#end(member, delivery)
      }
    }
  }

  get ids(): string[] {
    return this.deliveries.map((delivery) => delivery.message.id)
  }

  of(id: string): Delivery[] {
    return this.deliveries.filter((delivery) => delivery.message.id === id)
  }

  /** How many deliveries the member holds now. */
  outOf(member: string): number {
    return this.#outOf.get(member) ?? 0
  }

  /** A member died or stands still: what it held may go to others. */
  forget(member: string): void {
    for (const [key, holder] of this.#holders) if (holder.member === member) this.#holders.delete(key)
  }

  /** For each key, the acknowledged ids in their order. */
  assertOrder(sent: ReadonlyMap<string, readonly string[]>): void {
    const keyOf = new Map<string, string>()
    for (const [key, ids] of sent) for (const id of ids) keyOf.set(id, key)
    const got = new Map<string, string[]>()
    for (const id of this.handled) {
      const key = keyOf.get(id)
      if (key !== undefined) (got.get(key) ?? got.set(key, []).get(key))?.push(id)
    }
    for (const [key, ids] of sent) assertSequence([...new Set(got.get(key))], ids, `the order of key ${key}`)
    this.assertExclusive()
  }

  assertExclusive(): void {
    assert.deepEqual(this.#violations, [], 'a key was in the hands of two members at once')
  }

  assertAll(expected: Iterable<string>, what = 'acknowledged'): void {
    assertIds(this.handled, expected, what)
  }

  assertOnce(what = 'deliveries'): void {
    assertOnce(this.ids, what)
  }

  #begin(member: string, delivery: Delivery): void {
    this.deliveries.push(delivery)
    this.byMember.set(member, (this.byMember.get(member) ?? 0) + 1)
    this.highest = Math.max(this.highest, ++this.out)
    this.#outOf.set(member, this.outOf(member) + 1)
    const { key } = delivery.message
    if (key === undefined) return
    const holder = this.#holders.get(key)
    if (holder === undefined) this.#holders.set(key, { member, count: 1 })
    else if (holder.member === member) holder.count++
    else this.#violations.push(`${key}: ${holder.member} and ${member}`)
  }

  #end(member: string, delivery: Delivery): void {
    this.out--
    this.#outOf.set(member, this.outOf(member) - 1)
    const key = delivery.message.key
    const holder = key === undefined ? undefined : this.#holders.get(key)
    if (key === undefined || holder?.member !== member) return
    if (--holder.count === 0) this.#holders.delete(key)
  }
}
