import { describe, expect, test } from 'vitest'
import { scenariosOf } from '../../src/testing/conformance.ts'
import { mutations } from '../../src/testing/index.ts'
import { memoryWorld } from './worlds.ts'

describe.concurrent('a transport with a fault fails the suite', () => {
  for (const { name, caughtBy, mutate } of mutations) {
    const world = mutate({ ...memoryWorld(), patience: 1500 })
    for (const scenario of scenariosOf(world, caughtBy)) {
      test(`one that ${name}: ${scenario.id}`, { timeout: scenario.timeout }, async () => {
        await expect(scenario.run()).rejects.toThrow()
      })
    }
  }
})
