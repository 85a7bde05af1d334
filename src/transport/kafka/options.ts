import { readFileSync } from 'node:fs'
import { defaultShards } from '../../channel/shard.ts'
import { Faults, PabalError } from '../../errors.ts'
import type { Address } from './link/address.ts'

/** As Node's `tls.connect` takes them: certificates and keys in PEM. */
export interface TlsOptions {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  readonly passphrase?: string | undefined
  readonly servername?: string | undefined
}

export interface KafkaOptions {
  /** Brokers to begin with, as `host:port` (the port 9092 may be left out); the others are learnt from them. */
  readonly brokers: readonly string[]
  /** Before the name of every topic and group, so that several environments share a cluster. Default none. */
  readonly prefix?: string | undefined
  /** Partitions of a topic that is made, and the fewest that one which is there may have: how many members of a group share its keys. Default 16. */
  readonly partitions?: number | undefined
  /** Replicas of a topic that is made. Default: the cluster's own (`default.replication.factor`). */
  readonly replicas?: number | undefined
  /** TLS as the broker needs it: true, or with certificates of its own. Default none; `kafkas:` turns it on. */
  readonly tls?: boolean | TlsOptions | undefined
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
        readonly username: string
        readonly password: string
      }
    | undefined
  /** After how many milliseconds without a sign a member is taken for dead and its partitions go to others. Default 6,000. */
  readonly sessionTimeout?: number | undefined
  /** Milliseconds that a durable send waits for its broker, trying again, before it is `SEND_FAILED`. Default 30,000. */
  readonly sendTimeout?: number | undefined
  /** What may wait to be sent, in messages and in bytes; beyond it a send is `OVERLOADED`. Default 100,000 and 64 MiB. */
  readonly maxPendingMessages?: number | undefined
  readonly maxPendingBytes?: number | undefined
  /** How this client is called in the broker's logs and quotas, and as a member. Default `pabal`. */
  readonly clientId?: string | undefined
}

export interface Settings {
  readonly brokers: readonly Address[]
  readonly prefix: string
  readonly partitions: number
  readonly replicas: number
  readonly tls: TlsOptions | undefined
  readonly sasl: KafkaOptions['sasl']
  readonly sessionTimeout: number
  readonly sendTimeout: number
  readonly maxPendingMessages: number
  readonly maxPendingBytes: number
  readonly clientId: string
}

const known = [
  'brokers',
  'prefix',
  'partitions',
  'replicas',
  'tls',
  'sasl',
  'sessionTimeout',
  'sendTimeout',
  'maxPendingMessages',
  'maxPendingBytes',
  'clientId',
]
const numbers = ['partitions', 'replicas', 'sessionTimeout', 'sendTimeout', 'maxPendingMessages', 'maxPendingBytes']
const texts = ['prefix', 'clientId']
const inUrl = [...texts, ...numbers, 'sasl', 'ca', 'cert', 'key', 'servername']
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
const urlForm = 'kafka://[user:password@]host:9092[,host:9092][?prefix=orders.]'

/** The options with their defaults. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`; never says a password. */
export function settingsOf(options: KafkaOptions): Settings {
  const faults = new Faults()
  for (const name of Object.keys(options)) if (!known.includes(name)) faults.add('UNKNOWN_OPTION', unknown(name, known))
  const invalid = (name: string, given: unknown, accepted: string): void =>
    faults.add('INVALID_OPTION', `the option ${name} is ${(JSON.stringify(given) ?? 'undefined').slice(0, 80)}, give ${accepted}`)
  const whole = (name: string, value: number | undefined, otherwise: number, least: number, most: number): number => {
    if (value === undefined) return otherwise
    if (!Number.isInteger(value) || value < least || value > most) invalid(name, value, `a whole number from ${least} to ${most}`)
    return value
  }
  const { brokers, prefix = '', tls, sasl, clientId = 'pabal' } = options
  const addresses = (Array.isArray(brokers) ? brokers : []).map(addressOf)
  if (addresses.length === 0 || addresses.includes(undefined)) invalid('brokers', brokers, "addresses such as ['127.0.0.1:9092']")
  if (typeof prefix !== 'string' || !/^[\w.-]{0,100}$/.test(prefix) || prefix.startsWith('-'))
    invalid('prefix', prefix, 'up to 100 letters, digits, ".", "_" or "-", not beginning with "-"')
  if (typeof clientId !== 'string' || clientId === '' || clientId.length > 200) invalid('clientId', clientId, 'a name')
  if (tls !== undefined && typeof tls !== 'boolean' && (typeof tls !== 'object' || tls === null))
    invalid('tls', typeof tls, 'true or options of tls.connect')
  if (sasl !== undefined) {
    if (!mechanisms.includes(sasl.mechanism)) invalid('sasl.mechanism', sasl.mechanism, mechanisms.join(', '))
    if (typeof sasl.username !== 'string' || typeof sasl.password !== 'string')
      faults.add('INVALID_OPTION', 'the option sasl has no username or no password')
  }
  const settings: Settings = {
    brokers: addresses as Address[],
    prefix,
    partitions: whole('partitions', options.partitions, defaultShards, 1, 10_000),
    replicas: whole('replicas', options.replicas, -1, 1, 100),
    tls: tls === true ? {} : tls === false ? undefined : tls,
    sasl,
    // A broker refuses less than 6 s unless it is told otherwise.
    sessionTimeout: whole('sessionTimeout', options.sessionTimeout, 6000, 1000, 600_000),
    sendTimeout: whole('sendTimeout', options.sendTimeout, 30_000, 100, 3_600_000),
    maxPendingMessages: whole('maxPendingMessages', options.maxPendingMessages, 100_000, 1, 10_000_000),
    maxPendingBytes: whole('maxPendingBytes', options.maxPendingBytes, 64 * 1024 * 1024, 1024, 2 ** 40),
    clientId,
  }
  faults.throwIfAny('INVALID_OPTION', 'kafka')
  return settings
}

/** The options in `kafka://user:password@a:9092,b:9092?prefix=test.`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`; never says a password. */
export function optionsFromUrl(url: string): KafkaOptions {
  const faults = new Faults()
  const parts = /^(kafkas?):\/\/(?:([^@/?]*)@)?([^/?@]*)\/?(?:\?(.*))?$/i.exec(url)
  if (parts === null) throw new PabalError('INVALID_OPTION', `kafka: the URL is not understood: give ${urlForm}`)
  const [, scheme = '', credentials, hosts = '', query = ''] = parts
  const options: Record<string, unknown> = { brokers: hosts.split(',').filter((host) => host !== '') }
  if (hosts === '') faults.add('INVALID_OPTION', `the URL names no broker: give ${urlForm}`)
  const tls: Record<string, unknown> = {}
  let mechanism = 'plain'
  for (const [name, value] of new URLSearchParams(query)) {
    if (!inUrl.includes(name)) faults.add('UNKNOWN_OPTION', unknown(name, inUrl))
    else if (numbers.includes(name)) {
      if (/^\d{1,15}$/.test(value)) options[name] = Number(value)
      else faults.add('INVALID_OPTION', `the option ${name} is ${JSON.stringify(value)}, give a whole number without a unit`)
    } else if (texts.includes(name)) options[name] = value
    else if (name === 'sasl') mechanism = value.toLowerCase()
    else if (name === 'servername') tls.servername = value
    else tls[name] = fileOf(name, value, faults)
  }
  if (scheme.toLowerCase() === 'kafkas') options.tls = tls
  else if (Object.keys(tls).length > 0) faults.add('INVALID_OPTION', `the options ${Object.keys(tls).join(', ')} are for kafkas://`)
  if (credentials !== undefined) {
    const at = credentials.indexOf(':')
    if (at < 0) faults.add('INVALID_OPTION', 'the URL has a user without a password: give user:password@')
    options.sasl = { mechanism, username: decoded(credentials.slice(0, at)), password: decoded(credentials.slice(at + 1)) }
  } else if (new URLSearchParams(query).has('sasl'))
    faults.add('INVALID_OPTION', 'the option sasl is given without credentials: give user:password@ before the brokers')
  faults.throwIfAny('INVALID_OPTION', `kafka: ${scheme}://${hosts}`)
  return options as unknown as KafkaOptions
}

function addressOf(text: unknown): Address | undefined {
  const parts = typeof text === 'string' ? /^(\[[0-9a-f:]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text) : null
  const port = Number(parts?.[2] ?? 9092)
  if (parts === null || port < 1 || port > 65_535) return undefined
  return { host: (parts[1] as string).replace(/^\[|\]$/g, ''), port }
}

function fileOf(name: string, path: string, faults: Faults): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    faults.add('INVALID_OPTION', `the option ${name} names a file that cannot be read: ${(error as Error).message}`)
    return undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const unknown = (name: string, there: readonly string[]): string => `does not know the option "${name}"; it knows ${there.join(', ')}`
