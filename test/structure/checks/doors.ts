import type { Source } from './source.ts'

/** Names that reach a clock, a timer or randomness without going through `src/runtime/`. */
const names = new Set([
  'Date.now',
  'new Date()',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'performance',
  'Math.random',
  'AbortSignal.timeout',
  'process.hrtime',
  'process.uptime',
  'Atomics.waitAsync',
])
const random = /^(?:\w+\.)?(?:randomUUID|randomBytes|randomInt|randomFill(?:Sync)?|getRandomValues)$/
const modules = /^(?:node:)?(?:timers|perf_hooks)(?:\/|$)/
/** What a store would tell or draw by itself. */
const inSql = /\b(?:unixepoch|julianday|randomblob|random|current_timestamp)\s*\(|'now'|\bCURRENT_TIME/i

/** Uses of a clock, timer or random source, anywhere but in `runtime/`. */
export function doorFaults(all: readonly Source[]): string[] {
  return all
    .filter(({ path }) => !path.startsWith('runtime/'))
    .flatMap(({ path, uses, imports, strings }) => [
      ...new Set([
        ...uses.filter((use) => names.has(use.replace(/^globalThis\./, '')) || random.test(use)).map((use) => `${path}: ${use}`),
        ...imports.filter(({ specifier }) => modules.test(specifier)).map(({ specifier }) => `${path}: import ${specifier}`),
        ...strings.filter((text) => inSql.test(text)).map((text) => `${path}: ${JSON.stringify(text.slice(0, 60))}`),
      ]),
    ])
}
