import { defaultShards } from '../../channel/shard.ts'
import { Faults, PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'

export interface SqliteOptions {
  /** The file. Made when missing; its folder must exist. */
  readonly file: string
  /**
   * The most that the file may hold, in bytes; beyond it `send` answers `STORE_FULL`. A quarter more (at least 1 MiB) is kept
   * for settling, parking and taking over, so that a full store can be emptied. Default 4 GiB.
   */
  readonly maxSize?: number | undefined
  /** Shards of each channel and group: how many members can share its keys. Fixed when the file is made. Default 16. */
  readonly shards?: number | undefined
  /** After how many milliseconds a process that answers nothing is taken for frozen and its shards go to others. Default 3,000. */
  readonly frozenAfter?: number | undefined
  /** How many milliseconds a process waits for the others' writing before it answers `STORE_BUSY` and names them. Default 10,000. */
  readonly busyAfter?: number | undefined
  readonly runtime?: Runtime | undefined
  /** For tests: what goes wrong in the worker, and what it tells of itself. */
  readonly faults?: WorkerFaults | undefined
}

export interface WorkerFaults {
  /** Kills (or stops, by the signal) the whole process at the nth pass of a fault point. */
  readonly kill?: { readonly point: string; readonly pass: number; readonly signal?: 'SIGKILL' | 'SIGSTOP' | undefined } | undefined
  /** An exception that nobody catches ends the worker alone, at the nth pass of a fault point. */
  readonly crash?: { readonly point: string; readonly pass: number } | undefined
  /** Told, in order, what the worker did: `begin`, `commit` (with or without sync) and `acknowledge`. */
  readonly trace?: ((event: TraceEvent) => void) | undefined
  /** A mutation that the conformance suite must catch: acknowledges before it has committed. */
  readonly acknowledgeFirst?: boolean | undefined
}

export interface TraceEvent {
  readonly what: 'begin' | 'commit' | 'acknowledge'
  /** `commit`: whether it was synced to disk, as SQLite itself says. */
  readonly synced?: boolean | undefined
  /** Whether it holds what somebody waits for as safe. */
  readonly durable?: boolean | undefined
}

export interface Settings {
  readonly file: string
  readonly maxSize: number
  readonly shards: number
  readonly frozenAfter: number
  readonly busyAfter: number
}

const inUrl = ['maxSize', 'shards', 'frozenAfter', 'busyAfter']
const known = ['file', ...inUrl, 'runtime', 'faults']

/** The options with their defaults. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function settingsOf(options: SqliteOptions): Settings {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknown(name, known)
  if (typeof options.file !== 'string' || options.file === '' || options.file.includes('\0'))
    throw new PabalError('INVALID_OPTION', `sqlite: the file is ${JSON.stringify(options.file)}, give a path such as ./messages.db`)
  return {
    file: options.file,
    maxSize: whole('maxSize', options.maxSize, 4 * 1024 ** 3, 256 * 1024),
    shards: whole('shards', options.shards, defaultShards, 1, 1024),
    frozenAfter: whole('frozenAfter', options.frozenAfter, 3000, 200),
    busyAfter: whole('busyAfter', options.busyAfter, 10_000, 10),
  }
}

/** The options in `sqlite:./messages.db?maxSize=100000000`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function optionsFromUrl(url: string): SqliteOptions {
  const [path = '', query = ''] = url.slice(url.indexOf(':') + 1).split('?', 2)
  const options: Record<string, number> = {}
  const faults = new Faults()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!inUrl.includes(name)) faults.add('UNKNOWN_OPTION', unknown(name, inUrl).message)
    else if (!/^\d{1,15}$/.test(value))
      faults.add('INVALID_OPTION', `the option ${name} is ${JSON.stringify(value)}, give a whole number without a unit`)
    else options[name] = Number(value)
  }
  if (path === '' || path === ':memory:')
    faults.add('INVALID_OPTION', 'give a file, such as sqlite:./messages.db; for a store in memory use memory:')
  faults.throwIfAny('INVALID_OPTION', url)
  return { ...options, file: path.startsWith('//') ? path.slice(2) : path }
}

function unknown(name: string, there: readonly string[]): PabalError {
  return new PabalError('UNKNOWN_OPTION', `sqlite: does not know the option "${name}"; it knows ${there.join(', ')}`)
}

function whole(name: string, value: number | undefined, otherwise: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (value === undefined) return otherwise
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new PabalError(
    'INVALID_OPTION',
    `sqlite: the option ${name} is ${JSON.stringify(value)}, give a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ''}`,
  )
}
