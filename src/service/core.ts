import type { Counters, DeliveryEvent } from '../delivery/types.ts'
import { PabalError } from '../errors.ts'
import type { ReplyInbox } from '../interaction/inbox.ts'
import type { Outbound } from '../interaction/outbound.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Transport } from '../transport/seam.ts'
import type { ConnectOptions, Logger, Settings } from './options.ts'

/** What everything of one app shares. */
export interface Core {
  readonly transport: Transport
  readonly capabilities: Capabilities
  readonly runtime: Runtime
  readonly options: ConnectOptions
  readonly settings: Settings
  readonly outbound: Outbound
  readonly inbox: ReplyInbox
  readonly counters: Counters
  readonly logger: Logger
  /** Told of what became of deliveries; answers callers whose command has ended in the dead letters. */
  report(event: DeliveryEvent): void
  /** `open`: clients may send. `draining`: only handlers that still run may. */
  phase: 'open' | 'draining' | 'closed'
}

/** Throws `CLOSED` where this app takes nothing any more. */
export function assertOpen(core: Core, what: string): void {
  if (core.phase !== 'open')
    throw new PabalError('CLOSED', `${what}: the app is ${core.phase === 'closed' ? 'closed' : 'closing'}; nothing was sent`)
}
