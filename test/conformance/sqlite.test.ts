import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { conformance } from '../../src/testing/index.ts'
import { sqliteWorld } from './worlds.ts'

const folder = mkdtempSync(join(tmpdir(), 'pabal-conformance-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.concurrent('sqlite', () => {
  for (const { name, run, timeout } of conformance(sqliteWorld(join(folder, 'store.db')))) test(name, { timeout }, () => run())
})
