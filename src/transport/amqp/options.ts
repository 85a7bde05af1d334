import { readFileSync } from 'node:fs'
import { Faults } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { AmqpDriver } from './driver.ts'

export interface AmqpOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. Options may stand in its query. */
  readonly url: string
  /** Begins the name of every queue and exchange, so that several environments share one broker. Default `pabal`. */
  readonly prefix?: string | undefined
  /**
   * Shards of each channel and group: how many members can share its keys. Fixed by the first member of an environment; where
   * this is not given the environment's number is taken, in a new one 8: a quorum queue a shard takes three file handles of the broker.
   */
  readonly shards?: number | undefined
  /** The type of all durable queues. Default `quorum`; `classic` is for a single node that need not survive its disk. */
  readonly queues?: 'quorum' | 'classic' | undefined
  /**
   * Makes all queues of a channel when it is provisioned. Default false: a queue is made when it is read or first needed. For a
   * deployment whose services may not make any.
   */
  readonly ahead?: boolean | undefined
  /** Seconds between heartbeats: a silent link is given up after two to three of them. Default 2. */
  readonly heartbeat?: number | undefined
  /** How many milliseconds a durable send waits for a broker that is not there, or that does not confirm. Default 30,000. */
  readonly sendWithin?: number | undefined
  /** How many messages of a shard the broker gives ahead. Default 200. */
  readonly prefetch?: number | undefined
  /** The largest message, in bytes. Default 16 MiB less 128 KiB, which brokers take unless told otherwise. */
  readonly maxBytes?: number | undefined
  /** For `amqps:`: certificates in PEM. In a URL, a path of a file each. */
  readonly tls?: AmqpTls | undefined
  /** The amqplib module, where it is not to be loaded from beside Pabal. */
  readonly driver?: AmqpDriver | undefined
  readonly runtime?: Runtime | undefined
}

export interface AmqpTls {
  /** The authority that the broker's certificate must come from. Default: those that Node trusts. */
  readonly ca?: string | Uint8Array | undefined
  /** This client's own certificate and key. */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  /** The name that the certificate must be for. Default: the host. */
  readonly servername?: string | undefined
}

export interface Settings {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly prefix: string
  readonly shards: number | undefined
  readonly queues: 'quorum' | 'classic'
  readonly ahead: boolean
  readonly heartbeat: number
  readonly sendWithin: number
  readonly prefetch: number
  readonly maxBytes: number
  readonly tls: AmqpTls
  /** The address without user and password, for people to read. */
  readonly shown: string
}

const numbers = ['shards', 'heartbeat', 'sendWithin', 'prefetch', 'maxBytes'] as const
const files = ['ca', 'cert', 'key'] as const
export const usualShards = 8

const inUrl: readonly string[] = ['prefix', 'queues', 'ahead', ...numbers, ...files, 'servername']
const known = ['url', 'prefix', 'queues', 'ahead', ...numbers, 'tls', 'driver', 'runtime']
const knownTls = [...files, 'servername']
const unknown = (name: string, there: readonly string[]): string => `amqp: does not know the option "${name}"; it knows ${there.join(', ')}`

/** The settings of an address and its options. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`, several faults as `INVALID_CONFIGURATION`. */
export function settingsOf(given: AmqpOptions): Settings {
  const faults = new Faults()
  for (const name of Object.keys(given)) if (!known.includes(name)) faults.add('UNKNOWN_OPTION', unknown(name, known))
  for (const name of Object.keys(given.tls ?? {}))
    if (!knownTls.includes(name)) faults.add('UNKNOWN_OPTION', unknown(`tls.${name}`, knownTls))
  const url = parse(given.url)
  const inQuery: Record<string, string> = {}
  for (const [name, value] of url?.searchParams ?? [])
    if (inUrl.includes(name)) inQuery[name] = value
    else faults.add('UNKNOWN_OPTION', unknown(name, inUrl))
  const number = (name: (typeof numbers)[number], otherwise: number, least: number, most: number): number => {
    const text = inQuery[name]
    const value = given[name] ?? (text === undefined ? undefined : /^\d{1,15}$/.test(text) ? Number(text) : text)
    if (value === undefined) return otherwise
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
    faults.add('INVALID_OPTION', `amqp: the option ${name} is ${JSON.stringify(value)}, give a whole number from ${least} to ${most}`)
    return otherwise
  }
  const word = (name: 'prefix' | 'queues' | 'ahead', otherwise: string, fits: RegExp, wanted: string): string => {
    const value: unknown = given[name] ?? inQuery[name] ?? otherwise
    if (['string', 'boolean'].includes(typeof value) && fits.test(String(value))) return String(value)
    faults.add('INVALID_OPTION', `amqp: the option ${name} is ${JSON.stringify(value)}, give ${wanted}`)
    return otherwise
  }
  const wanted = '1 to 40 letters, digits, "_", "-" or "."'
  const settings: Settings = {
    protocol: url?.protocol === 'amqps:' ? 'amqps' : 'amqp',
    hostname: url?.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(url?.port) || (url?.protocol === 'amqps:' ? 5671 : 5672),
    username: url?.username ? decoded(url.username) : 'guest',
    password: url?.username ? decoded(url.password) : 'guest',
    vhost: url && url.pathname.length > 1 ? decoded(url.pathname.slice(1)) : '/',
    prefix: word('prefix', 'pabal', /^[A-Za-z0-9_.-]{1,40}$/, wanted),
    queues: word('queues', 'quorum', /^(quorum|classic)$/, '"quorum" or "classic"') as 'quorum' | 'classic',
    shards: given.shards === undefined && inQuery.shards === undefined ? undefined : number('shards', usualShards, 1, 1024),
    ahead: word('ahead', 'false', /^(true|false)$/, 'true or false') === 'true',
    heartbeat: number('heartbeat', 2, 1, 600),
    sendWithin: number('sendWithin', 30_000, 10, 3_600_000),
    prefetch: number('prefetch', 200, 1, 65_535),
    maxBytes: number('maxBytes', 16 * 1024 * 1024 - 128 * 1024, 1024, 512 * 1024 * 1024),
    tls: { ...tlsOf(inQuery, faults), ...given.tls },
    shown: url ? `${url.protocol}//${url.host}${url.pathname}` : 'amqp:',
  }
  if (url === undefined) faults.add('INVALID_OPTION', 'amqp: the url cannot be read; give one such as amqp://user:password@host:5672/vhost')
  else if (url.protocol === 'amqp:' && Object.keys(settings.tls).length > 0)
    faults.add('INVALID_OPTION', 'amqp: certificates were given for an address without TLS; use amqps:')
  faults.throwIfAny('INVALID_CONFIGURATION', settings.shown)
  return settings
}

/** Undefined where it is no address of ours. What it says is never shown, since it may hold a password. */
function parse(text: unknown): URL | undefined {
  if (typeof text !== 'string') return undefined
  // `amqp:` alone is the broker of this machine.
  const full = /^amqps?:$/.test(text) ? `${text}//localhost` : text
  if (!/^amqps?:\/\//i.test(full) || !URL.canParse(full)) return undefined
  const url = new URL(full)
  return url.hostname === '' ? undefined : url
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function tlsOf(query: Readonly<Record<string, string>>, faults: Faults): AmqpTls {
  const tls: Record<string, string | Uint8Array> = {}
  for (const name of files) {
    const path = query[name]
    if (path === undefined) continue
    try {
      tls[name] = readFileSync(path)
    } catch (cause) {
      faults.add('INVALID_OPTION', `amqp: the file of the option ${name} cannot be read: ${(cause as Error).message}`)
    }
  }
  if (query.servername !== undefined) tls.servername = query.servername
  return tls
}
