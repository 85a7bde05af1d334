import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/longest-first.ts'

const source = (path: string) => new URL(`src/${path}`, import.meta.url).pathname

// The package by its own name is its source here; what was built is tested in child processes and in test/structure.
const alias = [
  { find: /^pabal$/, replacement: source('index.ts') },
  { find: /^pabal\/testing$/, replacement: source('testing/index.ts') },
  { find: /^pabal\/(memory|sqlite|amqp|kafka)$/, replacement: source('transport/$1/index.ts') },
]

// Hundreds of processes are started, most from TypeScript: what one of them compiled the next ones find.
process.env.NODE_COMPILE_CACHE ??= new URL('node_modules/.cache/node', import.meta.url).pathname

const within = (folders: readonly string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`)

/** Tests that mostly wait for servers and for each other's processes: side by side, after those of a single process. */
const servers = within(['conformance', 'amqp', 'kafka', 'rough', 'services', 'examples'])

/** Tests that start, kill and freeze processes: side by side too, after the servers' tests. */
const processes = within(['cli', 'process', 'promises'])

/** Tests which sync to a disk, or measure time: one file at a time, at last. */
const alone = within(['transport/mesh', 'transport/sqlite'])

// Real servers on a machine that others use too may be late once. It is shown as retried; the kill run of the embedded store is not tried again.
const retry = process.env.CI ? 1 : 0

// Vitest keeps one core for itself, which leaves a single worker on a machine with two. (A group order of 0 with one worker means last.)
const maxWorkers = Math.max(2, availableParallelism() - 1)

export default defineConfig({
  test: {
    reporters: ['default', './scripts/closing-line.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...servers, ...processes, ...alone, 'test/structure/**'],
          testTimeout: 20_000,
          // They share nothing that they change: a process for each file would take a fifth of their time.
          isolate: false,
          maxWorkers,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'structure',
          include: ['test/structure/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxWorkers,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'servers',
          include: servers,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          maxWorkers,
          retry,
          sequence: { groupOrder: 3 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'process',
          include: processes,
          testTimeout: 300_000,
          hookTimeout: 60_000,
          maxWorkers,
          retry,
          sequence: { groupOrder: 4 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'alone',
          include: alone,
          testTimeout: 300_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          retry,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
})
