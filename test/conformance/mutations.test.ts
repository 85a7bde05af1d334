import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { mutations } from '../../src/testing/index.ts'
import { caught, grave } from './caught.ts'
import { memoryWorld, sqliteWorld } from './worlds.ts'

const folder = mkdtempSync(join(tmpdir(), 'pabal-mutations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.concurrent('a transport with a fault fails the suite: memory', () => {
  for (const mutation of mutations) caught({ ...memoryWorld(), patience: 1500 }, mutation, mutation.caughtBy)
})

describe.concurrent('a transport with a fault fails the suite: sqlite', () => {
  test('the gravest faults are among the mutations', () => {
    expect(grave.filter((start) => !mutations.some(({ name }) => name.startsWith(start)))).toEqual([])
  })

  for (const [at, mutation] of mutations.entries()) {
    const { name, caughtBy } = mutation
    const ids = grave.some((start) => name.startsWith(start)) ? caughtBy : caughtBy.slice(0, 1)
    caught({ ...sqliteWorld(join(folder, `${at}.db`)), overload: 2500, patience: 5000 }, mutation, ids)
  }
})
