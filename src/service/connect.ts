import { emptyCounters } from '../delivery/counters.ts'
import type { DeliveryEvent } from '../delivery/types.ts'
import { Faults, isPabalError, PabalError } from '../errors.ts'
import { ReplyInbox } from '../interaction/inbox.ts'
import { Outbound } from '../interaction/outbound.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { Transport, TransportState } from '../transport/seam.ts'
import type { App } from './app.ts'
import type { Core } from './core.ts'
import { logDelivery, loggerOf } from './log.ts'
import { type ConnectOptions, checkRequires, policyOf, settingsFrom } from './options.ts'
import { RunningApp } from './running.ts'
import { transportFrom } from './transports.ts'

/**
 * Connects to a transport: `'sqlite:./ftgo.db'` (several processes on one file), `'memory:'` (this process, for tests), or a
 * transport object. The scheme picks the adapter, which is loaded only then.
 *
 * ```ts
 * import { connect } from 'pabal'
 *
 * const app = await connect('sqlite:./ftgo.db', { name: 'orders', within: '5s' })
 * console.log(app.health().ready)
 * await app.close()
 * ```
 *
 * Rejects with `UNKNOWN_TRANSPORT` (it names the known schemes), `UNKNOWN_OPTION`, `INVALID_OPTION`, `UNSUPPORTED` where `requires`
 * asks for more than the transport declares, several faults together as `INVALID_CONFIGURATION`; or with what the transport says.
 */
export async function connect(target: string | Transport, options: ConnectOptions = {}): Promise<App> {
  if (typeof options !== 'object' || options === null)
    throw new PabalError(
      'INVALID_OPTION',
      `connect: the options are ${options === null ? 'null' : typeof options}, give an object or nothing`,
    )
  const faults = new Faults()
  const settings = settingsFrom(options, faults)
  policyOf(options, {}, 'connect', faults)
  const runtime = options.runtime ?? systemRuntime
  const transport = await transportOf(target, runtime, faults)
  const logger = loggerOf(options.logger)
  let state: TransportState = { ready: false, reason: 'it is being opened' }
  let core: Core | undefined
  const capabilities = await transport.open((next) => {
    if (next.ready && next.warning !== undefined) logger.warn(`pabal: ${transport.name}: ${next.warning}`)
    if (core?.phase === 'open' && state.ready !== next.ready) {
      if (next.ready) logger.info(`pabal: the transport ${transport.name} is ready again`)
      else logger.warn(`pabal: the transport ${transport.name} is not ready: ${next.reason}`)
    }
    state = next
  }, settings.provision)
  try {
    checkRequires(options.requires, capabilities, transport.name, faults)
    faults.throwIfAny('INVALID_CONFIGURATION', 'connect')
  } catch (error) {
    await transport.close()
    throw error
  }
  const counters = emptyCounters()
  core = {
    transport,
    capabilities,
    runtime,
    options,
    settings,
    outbound: new Outbound(transport, capabilities, runtime, settings.provision),
    inbox: new ReplyInbox(transport, runtime, settings.name, counters),
    counters,
    logger,
    report: (event) => report(core as Core, event),
    phase: 'open',
  }
  // The one cast of the public boundary: the runtime works with plain data, the types are the contract's.
  return new RunningApp(core, () => state) as unknown as App
}

/** The transport, not opened yet. What is wrong with its URL is told together with what is wrong with the options. */
async function transportOf(target: string | Transport, runtime: Runtime, faults: Faults): Promise<Transport> {
  let transport: Transport | undefined
  try {
    transport = typeof target === 'string' ? await transportFrom(target, runtime) : target
    if (typeof transport?.open !== 'function')
      throw new PabalError('INVALID_OPTION', `connect was given ${typeof target}, give a URL such as 'sqlite:./app.db' or a transport`)
  } catch (error) {
    // Alone it keeps its own hint.
    if (faults.count === 0 || !isPabalError(error)) throw error
    faults.add(error.code, error.message)
  }
  faults.throwIfAny('INVALID_CONFIGURATION', 'connect')
  return transport as Transport
}

function report({ options, logger }: Core, event: DeliveryEvent): void {
  logDelivery(logger, event)
  options.onDelivery?.(event)
}
