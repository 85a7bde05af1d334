import type { ServiceData } from '../contract/data.ts'
import type { Faults } from '../errors.ts'
import type { Plan } from './plan.ts'

/** Who in this app owns which name, so that two services never take each other's messages unseen. */
export class Owners {
  readonly #participants = new Set<string>()
  /** Channel address → the contract that owns it. */
  readonly #addresses = new Map<string, string>()

  /** Notes every clash; claims nothing before `claim`. */
  check(contract: ServiceData, as: string, plan: Plan, faults: Faults): void {
    if (this.#participants.has(as))
      faults.add(
        'OWNER_DUPLICATE',
        `serve ${contract.name}: this app already serves something as "${as}"; give another name with the option "as"`,
      )
    for (const address of ownedBy(contract, plan)) {
      const owner = this.#addresses.get(address)
      if (owner !== undefined) faults.add('OWNER_DUPLICATE', `serve ${contract.name}: the channel "${address}" already belongs to ${owner}`)
    }
  }

  claim(contract: ServiceData, as: string, plan: Plan): () => void {
    const owned = ownedBy(contract, plan)
    this.#participants.add(as)
    for (const address of owned) this.#addresses.set(address, contract.name)
    return () => {
      this.#participants.delete(as)
      for (const address of owned) this.#addresses.delete(address)
    }
  }
}

/** A contract that only answers questions to many may be served by several participants: each has its own group. */
function ownedBy(contract: ServiceData, plan: Plan): readonly string[] {
  const aggregates = Object.keys(contract.events)
  return plan.durable.length + plan.queries.length > 0 ? [contract.name, ...aggregates] : aggregates
}
