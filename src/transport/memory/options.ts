import { defaultShards } from '../../channel/shard.ts'
import { PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'

export interface HubOptions {
  /** The clock and timers of everything in the hub. */
  readonly runtime: Runtime
  /** Shards of each channel and group: how many members can share its keys. Default 16. */
  readonly shards?: number | undefined
  /** Messages stored in all, one a group, parked ones included; beyond it `send` answers `OVERLOADED`. Default 1,000,000. */
  readonly maxMessages?: number | undefined
  /** The same in bytes. Default 1 GiB. */
  readonly maxBytes?: number | undefined
  /** The largest message, in bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** After how many milliseconds a crashed and a frozen member's shards go to others. Defaults 50 and 500. */
  readonly takeover?: { readonly killed?: number | undefined; readonly frozen?: number | undefined } | undefined
}

export interface Limits {
  readonly shards: number
  readonly maxMessages: number
  readonly maxBytes: number
  readonly maxMessageBytes: number
  readonly takeover: { readonly killed: number; readonly frozen: number }
}

const known = ['runtime', 'shards', 'maxMessages', 'maxBytes', 'maxMessageBytes', 'takeover']

/** The options with their defaults. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function limitsOf(options: HubOptions): Limits {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new PabalError('UNKNOWN_OPTION', `memory: does not know the option "${name}"; it knows ${known.join(', ')}`)
  }
  return {
    shards: count('shards', options.shards, defaultShards, 1),
    maxMessages: count('maxMessages', options.maxMessages, 1_000_000, 1),
    maxBytes: count('maxBytes', options.maxBytes, 1024 ** 3, 1),
    maxMessageBytes: count('maxMessageBytes', options.maxMessageBytes, 16 * 1024 ** 2, 1),
    takeover: {
      killed: count('takeover.killed', options.takeover?.killed, 50, 0),
      frozen: count('takeover.frozen', options.takeover?.frozen, 500, 0),
    },
  }
}

function count(name: string, value: number | undefined, otherwise: number, least: number): number {
  if (value === undefined) return otherwise
  if (Number.isInteger(value) && value >= least) return value
  throw new PabalError('INVALID_OPTION', `memory: the option ${name} is ${JSON.stringify(value)}, give a whole number of at least ${least}`)
}
