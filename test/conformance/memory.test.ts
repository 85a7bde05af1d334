import { describe, test } from 'vitest'
import { conformance } from '../../src/testing/index.ts'
import { memoryWorld } from './worlds.ts'

describe.concurrent('memory', () => {
  for (const { name, run, timeout } of conformance(memoryWorld())) test(name, { timeout }, () => run())
})
