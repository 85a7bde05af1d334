import { describe, expect, test } from 'vitest'
import { doorFaults } from './checks/doors.ts'
import { cycles, floorFaults, folderCycles } from './checks/floors.ts'
import { readSource, sources } from './checks/source.ts'

const all = sources()
const files = (given: Record<string, string>) => Object.entries(given).map(([path, text]) => readSource(path, text))

describe('floors', () => {
  test('a file imports only from its own folder or a lower floor', () => expect(floorFaults(all)).toEqual([]))

  test.each([
    ['a higher floor', 'message/a.ts', "import type { A } from '../delivery/types.ts'", 'floor 4 is not below 1'],
    ['the same floor', 'contract/a.ts', "export { a } from '../transport/seam.ts'", 'floor 3 is not below 3'],
    ['another feature', 'saga/a.ts', "import { a } from '../outbox/a.ts'", 'floor 7 is not below 7'],
    ['a type by import()', 'message/a.ts', "export type A = import('../service/app.ts').App", 'floor 6 is not below 1'],
    ['a package', 'message/a.ts', "import { a } from 'lodash'", 'the package has no dependencies'],
    ['what is bundled for the command line, elsewhere', 'service/a.ts', "import { a } from 'citty'", 'the package has no dependencies'],
    ['a driver that is loaded at once', 'transport/kafka/driver.ts', "import { Producer } from '@platformatic/kafka'", 'no dependencies'],
    ['a driver elsewhere', 'transport/kafka/link.ts', "await import('@platformatic/kafka')", 'the package has no dependencies'],
    ['a folder without a floor', 'cellar/a.ts', 'export {}', 'its folder has no floor'],
    ['what is outside', 'message/a.ts', "import { a } from '../../test/a.ts'", 'outside of the house'],
    ['an adapter from above', 'service/a.ts', "import { a } from '../transport/sqlite/index.ts'", 'an adapter is imported'],
    ['an adapter lazily from elsewhere', 'delivery/a.ts', "await import('../transport/sqlite/index.ts')", 'an adapter is imported'],
    ['an adapter from another', 'transport/nats/a.ts', "import { a } from '../sqlite/a.ts'", 'an adapter is imported'],
    ['an adapter from the shared folder', 'transport/shared/a.ts', "import { a } from '../sqlite/a.ts'", 'an adapter is imported'],
    ['a disk adapter from testing', 'testing/a.ts', "import { a } from '../transport/sqlite/a.ts'", 'an adapter is imported'],
  ])('refuses %s', (_, path, text, why) => expect(floorFaults(files({ [path]: text })).join()).toContain(why))

  test('lets through what is allowed', () => {
    const good = files({
      'service/connect.ts': "import { PabalError } from '../errors.ts'\nexport const open = () => import('../transport/sqlite/index.ts')",
      'transport/sqlite/store.ts': "import fs from 'node:fs'\nimport { a } from '../shared/a.ts'\nimport { b } from './b/c.ts'",
      'testing/app.ts': "import { createHub } from '../transport/memory/index.ts'",
      'transport/kafka/driver.ts': "await import('@platformatic/kafka')",
      'cli/main.ts': "import { connect } from 'pabal'\nimport { defineCommand } from 'citty'",
    })
    expect(floorFaults(good)).toEqual([])
  })
})

describe('cycles', () => {
  test('there is none', () => expect(cycles(all)).toEqual([]))

  test('finds one, also of types alone', () => {
    const bad = files({
      'message/a.ts': "import { b } from './b.ts'",
      'message/b.ts': "export * from './c.ts'",
      'message/c.ts': "import { a } from './a.ts'",
      'message/d.ts': "import { e } from './e.ts'",
      'message/e.ts': "import type { D } from './d.ts'",
    })
    const through = ['message/a.ts → message/b.ts → message/c.ts → message/a.ts']
    expect(cycles(bad)).toEqual([...through, 'message/d.ts → message/e.ts → message/d.ts'])
  })

  test('there is none among the folders of an adapter', () => expect(folderCycles(all)).toEqual([]))

  test('finds one among the folders of an adapter', () => {
    const bad = files({
      'transport/nats/link/a.ts': "import { b } from '../wire/b.ts'",
      'transport/nats/wire/b.ts': 'export const b = 1',
      'transport/nats/wire/c.ts': "import type { D } from '../link/d.ts'",
      'transport/nats/open.ts': "import { a } from './link/a.ts'",
    })
    expect(cycles(bad)).toEqual([])
    expect(folderCycles(bad)).toEqual(['transport/nats/link → transport/nats/wire → transport/nats/link'])
  })
})

describe('the door to time and chance', () => {
  test('nothing outside of runtime/ uses a clock, a timer or randomness', () => expect(doorFaults(all)).toEqual([]))

  test.each([
    'Date.now()',
    'new Date()',
    'setTimeout(() => {}, 1)',
    'globalThis.setTimeout(() => {}, 1)',
    'setInterval',
    'setImmediate(run)',
    'performance.now()',
    'Math.random()',
    'crypto.randomUUID()',
    "import { randomBytes } from 'node:crypto'",
    "import { setTimeout } from 'node:timers/promises'",
    'AbortSignal.timeout(5)',
    'process.hrtime.bigint()',
    'db.exec("SELECT unixepoch()")',
    'db.exec(`DELETE FROM a ORDER BY random()`)',
  ])('refuses %s', (text) => {
    expect(doorFaults([readSource('delivery/a.ts', text)])).not.toEqual([])
    expect(doorFaults([readSource('runtime/a.ts', text)])).toEqual([])
  })

  test('lets through names that only look alike', () => {
    const text = 'const a = { setTimeout: 1 }\nruntime.random(); new Date(5); // Date.now()\nconst text = "a timer is not setTimeout"'
    expect(doorFaults([readSource('delivery/a.ts', text)])).toEqual([])
  })
})

describe('sizes', () => {
  const tooLong = (given: readonly { path: string; lines: number }[]) => given.filter(({ lines }) => lines > 500).map(({ path }) => path)

  test('no file is over 500 lines', () => {
    const sizes = all.map(({ lines }) => lines).sort((a, b) => a - b)
    const at = (part: number) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * part))]
    console.log(`source files: ${sizes.length}, lines: median ${at(0.5)}, p90 ${at(0.9)}, max ${sizes.at(-1)}`)
    expect(tooLong(all)).toEqual([])
  })

  test('a longer one is refused', () => expect(tooLong([readSource('a.ts', 'a()\n'.repeat(501))])).toEqual(['a.ts']))
})
