import type { DeliveryOptions } from '../delivery/policy.ts'
import { defaultPolicy, policyFrom } from '../delivery/policy.ts'
import type { DeliveryEvent, DeliveryPolicy } from '../delivery/types.ts'
import { type Faults, isPabalError } from '../errors.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Middleware } from './middleware.ts'

/** Where Pabal says what a person should know: `console` fits, and so does the logger of most libraries. */
export interface Logger {
  info(message: string, details?: unknown): void
  warn(message: string, details?: unknown): void
  error(message: string, details?: unknown): void
}

/** What `connect` may be told. The delivery options are the defaults of every service of the app. */
export interface ConnectOptions extends DeliveryOptions {
  /** Who this process is where it acts as no service: the `source` of what its clients send. Default `client`. */
  readonly name?: string | undefined
  /** The deadline of requests and gathers that name none. Default `30s`, so that every request has one. */
  readonly within?: Duration | undefined
  /** Make missing channels (`create`, the default), or only check that they are there. */
  readonly provision?: 'create' | 'check' | undefined
  /** Around every handler of the app, the first outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /** Told of what a person should look at. Default: warnings and errors on the console; `false`: nothing. */
  readonly logger?: Logger | false | undefined
  /** Clock, timers, ids and fault points. Default: the system's. */
  readonly runtime?: Runtime | undefined
  /** How long `close` waits for running handlers. Default `10s`. */
  readonly drain?: Duration | undefined
  /** What the transport must declare; start is refused with `UNSUPPORTED` where it declares less. */
  readonly requires?: Partial<Capabilities> | undefined
  /** Told of every delivery that failed, was parked, dead-lettered, invalid, unknown or skipped. */
  readonly onDelivery?: ((event: DeliveryEvent) => void) | undefined
}

/** What `serve` may be told; the delivery options go before those of the app. */
export interface ServeOptions<Document extends string = string> extends DeliveryOptions {
  /** The participant's name: its consumer group for events and questions to many, and the `source` of what it sends. Default: the contract's name. */
  readonly as?: string | undefined
  /** Around every handler of this service, inside the app's. */
  readonly middleware?: readonly Middleware[] | undefined
  /**
   * Where a message goes that another client sent without CloudEvents attributes: to the invalid messages (`'invalid'`, the
   * default), or to the handler of this document of the contract. It holds for everything durable that the service receives.
   */
  readonly foreign?: 'invalid' | Document | undefined
  /** Needs an inbox in the handler's transaction, which this version does not have: `true` is refused with `INBOX_REQUIRED`. */
  readonly effectivelyOnce?: boolean | undefined
}

const connectNames = ['name', 'within', 'provision', 'middleware', 'logger', 'runtime', 'drain', 'requires', 'onDelivery']
const serveNames = ['as', 'middleware', 'foreign', 'effectivelyOnce']
const policyNames = Object.keys(defaultPolicy)

export interface Settings {
  readonly name: string
  readonly within: number
  readonly drain: number
  readonly provision: 'create' | 'check'
}

/** Reads what `connect` was given; every fault is noted, the defaults stand in. */
export function settingsFrom(options: ConnectOptions, faults: Faults): Settings {
  unknownOptions(options, [...connectNames, ...policyNames], 'connect', faults)
  const { name = 'client', provision = 'create' } = options
  if (typeof name !== 'string' || !/^[\w.:@/+~-]{1,200}$/.test(name))
    faults.add('INVALID_OPTION', `connect: the option name is ${show(name)}, give letters, digits and . _ - : @ / + ~`)
  if (provision !== 'create' && provision !== 'check')
    faults.add('INVALID_OPTION', `connect: the option provision is ${show(provision)}, give 'create' or 'check'`)
  checkMiddleware(options.middleware, 'connect', faults)
  for (const member of ['info', 'warn', 'error'] as const)
    if (options.logger !== undefined && options.logger !== false && typeof options.logger?.[member] !== 'function')
      faults.add('INVALID_OPTION', `connect: the logger has no function ${member}`)
  return {
    name,
    provision,
    within: duration(options.within, 30_000, 'connect: the option within', faults, 1),
    drain: duration(options.drain, 10_000, 'connect: the option drain', faults, 0),
  }
}

/** The delivery policy of one service: its own options before the app's. */
export function policyOf(app: ConnectOptions, own: DeliveryOptions, what: string, faults: Faults): DeliveryPolicy {
  const merged = { ...pick(app), ...pick(own), retry: { ...app.retry, ...own.retry } }
  try {
    return policyFrom(merged, what)
  } catch (error) {
    if (!isPabalError(error)) throw error
    faults.add(error.code, error.message)
    return defaultPolicy
  }
}

export function checkServeOptions(options: ServeOptions, what: string, faults: Faults): void {
  unknownOptions(options, [...serveNames, ...policyNames], what, faults)
  checkMiddleware(options.middleware, what, faults)
  if (options.effectivelyOnce === true)
    faults.add('INBOX_REQUIRED', `${what}: effectivelyOnce was asked for, and there is no inbox in the handler's transaction`)
}

/** What an ephemeral subscription may be told. */
export function checkDeliveryOptions(options: DeliveryOptions, what: string, faults: Faults): void {
  unknownOptions(options, policyNames, what, faults)
}

export function unknownOptions(options: object, known: readonly string[], what: string, faults: Faults): void {
  for (const name of Object.keys(options))
    if (!known.includes(name))
      faults.add('UNKNOWN_OPTION', `${what}: there is no option ${JSON.stringify(name)}; there are ${known.join(', ')}`)
}

/** Compares what was asked for with what the transport declares. */
export function checkRequires(
  requires: Partial<Capabilities> | undefined,
  declared: Capabilities,
  transport: string,
  faults: Faults,
): void {
  for (const [name, wanted] of Object.entries(requires ?? {})) {
    if (wanted === undefined) continue
    if (!Object.hasOwn(declared, name))
      faults.add(
        'UNKNOWN_OPTION',
        `connect: requires names ${JSON.stringify(name)}, which is no capability; there are ${Object.keys(declared).join(', ')}`,
      )
    else if (!suffices(name, wanted, declared[name as keyof Capabilities]))
      faults.add(
        'UNSUPPORTED',
        `connect: requires ${name} ${JSON.stringify(wanted)}, and the transport ${transport} declares ${JSON.stringify(declared[name as keyof Capabilities])}`,
      )
  }
}

const lifetimes = ['nothing', 'process', 'broker', 'power']

function suffices(name: string, wanted: unknown, declared: unknown): boolean {
  if (name === 'survives')
    return lifetimes.includes(wanted as string) && lifetimes.indexOf(declared as string) >= lifetimes.indexOf(wanted as string)
  if (name === 'maxBytes') return (declared as number) >= (wanted as number)
  if (name === 'takeover') {
    const most = wanted as Partial<Capabilities['takeover']>
    const least = declared as Capabilities['takeover']
    return least.killed <= (most.killed ?? Number.POSITIVE_INFINITY) && least.frozen <= (most.frozen ?? Number.POSITIVE_INFINITY)
  }
  return wanted === false || declared === true
}

function checkMiddleware(middleware: readonly Middleware[] | undefined, what: string, faults: Faults): void {
  if (middleware === undefined) return
  if (!Array.isArray(middleware) || middleware.some((each) => typeof each !== 'function'))
    faults.add('INVALID_OPTION', `${what}: the option middleware is not a list of functions`)
}

function duration(given: Duration | undefined, otherwise: number, what: string, faults: Faults, least: number): number {
  if (given === undefined) return otherwise
  try {
    const value = milliseconds(given, what)
    if (value >= least) return value
    faults.add('INVALID_OPTION', `${what} is ${show(given)}, give at least ${least} ms`)
  } catch (error) {
    if (!isPabalError(error)) throw error
    faults.add(error.code, error.message)
  }
  return otherwise
}

function pick(options: DeliveryOptions): DeliveryOptions {
  const picked: Record<string, unknown> = {}
  for (const name of policyNames) {
    const value = options[name as keyof DeliveryOptions]
    if (value !== undefined) picked[name] = value
  }
  return picked
}

const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 80)
