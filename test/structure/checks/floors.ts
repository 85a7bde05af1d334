import { posix } from 'node:path'
import type { Source } from './source.ts'

/** The house: docs/explanation/architecture.md. A folder that is not listed has no floor, which is a fault. */
const floors: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  // Also of floor 0; it refuses with coded errors.
  runtime: 0.5,
  message: 1,
  channel: 2,
  contract: 3,
  transport: 3,
  delivery: 4,
  interaction: 5,
  service: 6,
  outbox: 7,
  saga: 7,
  asyncapi: 7,
  telemetry: 7,
  testing: 7,
  cli: 8,
  // What users import: it names what the service floor and those below offer.
  'index.ts': 6.5,
}

/** Who may import an adapter without being one. What runs services in a test runs them on `memory:`. */
const mayImportAdapter = (from: string, adapter: string, lazy: boolean): boolean =>
  (from.startsWith('service/') && lazy) || (from.startsWith('testing/') && adapter === 'memory')

/** What is bundled into the command line when it is built, so that nobody has to install it: scripts/bundle-command.ts. */
const bundled: readonly string[] = ['citty']

/** An adapter loads its driver, an optional peer, when it is opened: in one file. A name that is not written there in full is read as ''. */
const mayLoadDriver = (path: string, specifier: string, lazy: boolean): boolean =>
  lazy && /^transport\/[^/]+\/driver\.ts$/.test(path) && ['', 'amqplib', '@platformatic/kafka'].includes(specifier)

const folderOf = (path: string): string => path.split('/')[0] as string

/** The technology of a file below `transport/`; `shared` and the seam itself are nobody's. */
function adapterOf(path: string): string | undefined {
  const [first, second, ...rest] = path.split('/')
  return first === 'transport' && rest.length > 0 && second !== 'shared' ? second : undefined
}

/** The file that an import of `from` means, or undefined for a package. */
export function target(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined
}

export function floorFaults(all: readonly Source[], packages: readonly string[] = []): string[] {
  const faults: string[] = []
  for (const { path, imports } of all) {
    const floor = floors[folderOf(path)]
    if (floor === undefined) faults.push(`${path}: its folder has no floor`)
    for (const { specifier, lazy } of imports) {
      const to = target(path, specifier)
      const fault = (why: string): unknown => faults.push(`${path} imports ${specifier}: ${why}`)
      if (to === undefined) {
        // The command line is a user of the package: it may go through the package's own entries.
        const own = folderOf(path) === 'cli' && /^pabal(\/|$)/.test(specifier)
        // A contract's module, which whoever calls the command names.
        if (specifier === '' && lazy && path === 'cli/contract/file.ts') continue
        const known = packages.includes(specifier) || (folderOf(path) === 'cli' && bundled.includes(specifier))
        if (!specifier.startsWith('node:') && !own && !known && !mayLoadDriver(path, specifier, lazy))
          fault('the package has no dependencies')
        continue
      }
      const toFloor = floors[folderOf(to)]
      if (to.startsWith('..') || toFloor === undefined) {
        fault('outside of the house')
        continue
      }
      if (folderOf(to) !== folderOf(path) && !(floor !== undefined && toFloor < floor)) fault(`floor ${toFloor} is not below ${floor}`)
      const adapter = adapterOf(to)
      if (adapter !== undefined && adapterOf(path) !== adapter && !mayImportAdapter(path, adapter, lazy)) {
        fault('an adapter is imported by its own folder, and lazily by service/')
      }
    }
  }
  return faults
}

type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** What imports what at once, where `name` says what a file counts as; undefined: it does not count. Lazy imports load later. */
function graph(all: readonly Source[], name: (path: string) => string | undefined): Graph {
  const edges = new Map<string, Set<string>>()
  for (const { path, imports } of all) {
    const from = name(path)
    if (from === undefined) continue
    const to = edges.get(from) ?? new Set()
    edges.set(from, to)
    for (const { specifier, lazy } of imports) {
      const file = lazy ? undefined : target(path, specifier)
      const named = file === undefined ? undefined : name(file)
      if (named !== undefined && (named !== from || file === path)) to.add(named)
    }
  }
  return edges
}

function circles(edges: Graph): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (node: string, trail: readonly string[]): void => {
    const at = trail.indexOf(node)
    if (at >= 0) {
      found.push([...trail.slice(at), node].join(' → '))
      return
    }
    if (done.has(node)) return
    for (const next of edges.get(node) ?? []) visit(next, [...trail, node])
    done.add(node)
  }
  for (const node of edges.keys()) visit(node, [])
  return found
}

/** Files that import one another, as `a → b → a`, be it for a type. */
export const cycles = (all: readonly Source[]): string[] => circles(graph(all, (path) => path))

/** The same of the folders within an adapter. What lies beside them is shared by all of them, or puts them together. */
export const folderCycles = (all: readonly Source[]): string[] =>
  circles(graph(all, (path) => /^transport\/[^/]+\/[^/]+(?=\/)/.exec(path)?.[0]))
