import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { scenariosOf } from '../../src/testing/conformance.ts'
import { type Mutation, mutations, type World } from '../../src/testing/index.ts'
import { memoryWorld, sqliteWorld } from './worlds.ts'

const folder = mkdtempSync(join(tmpdir(), 'pabal-mutations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A machine that is too slow for this world's patience shows nothing. */
const tooSlow = /^(open|close|subscribe to [^:]*): not within/

/** Each scenario must fail on the world with the fault. */
function caught(world: World, { name, mutate }: Mutation, ids: readonly string[]): void {
  for (const scenario of scenariosOf(mutate(world), ids)) {
    test(`one that ${name}: ${scenario.id}`, { timeout: scenario.timeout }, async () => {
      const error = await scenario.run().catch((error: unknown) => error)
      expect(error).toBeInstanceOf(Error)
      expect((error as Error).message).not.toMatch(tooSlow)
    })
  }
}

describe.concurrent('a transport with a fault fails the suite: memory', () => {
  for (const mutation of mutations) caught({ ...memoryWorld(), patience: 1500 }, mutation, mutation.caughtBy)
})

/** What a store on disk could get wrong in its own way: shown with all their scenarios there, too. Acknowledged before the sync: sync.test.ts. */
const grave = ['acknowledges before the handler', 'says sent before it is stored', 'drops the fence', 'skips the shard gate']

describe.concurrent('a transport with a fault fails the suite: sqlite', () => {
  test('the gravest faults are among the mutations', () => {
    expect(grave.filter((start) => !mutations.some(({ name }) => name.startsWith(start)))).toEqual([])
  })

  for (const [at, mutation] of mutations.entries()) {
    const { name, caughtBy } = mutation
    const ids = grave.some((start) => name.startsWith(start)) ? caughtBy : caughtBy.slice(0, 1)
    caught({ ...sqliteWorld(join(folder, `${at}.db`)), patience: 5000 }, mutation, ids)
  }
})
