import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { conformance } from '../../src/testing/index.ts'
import { sqliteWorld } from './worlds.ts'

const folder = mkdtempSync(join(tmpdir(), 'pabal-conformance-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('sqlite', () => {
  for (const { id, name, run, timeout } of conformance(sqliteWorld(join(folder, 'store.db')))) {
    // a test that keeps the process from its work for seconds looks like a frozen member, whose shards go to others
    const one = id === '20' ? test : test.concurrent
    one(name, { timeout }, () => run())
  }
})
