import { expect, test } from 'vitest'
import { scenariosOf } from '../../src/testing/conformance.ts'
import type { Mutation, World } from '../../src/testing/index.ts'

/** A machine that is too slow for this world's patience shows nothing. */
const tooSlow = /^(open|close|subscribe to [^:]*): not within/

/** What a store could get wrong in its own way. Acknowledged before the sync: sync.test.ts. */
export const grave = ['acknowledges before the handler', 'says sent before it is stored', 'drops the fence', 'skips the shard gate']

/** Each scenario must fail on the world with the fault. */
export function caught(world: World, { name, mutate }: Mutation, ids: readonly string[]): void {
  for (const scenario of scenariosOf(mutate(world), ids)) {
    test(`one that ${name}: ${scenario.id}`, { timeout: scenario.timeout }, async () => {
      const error = await scenario.run().catch((error: unknown) => error)
      expect(error).toBeInstanceOf(Error)
      expect((error as Error).message).not.toMatch(tooSlow)
    })
  }
}
