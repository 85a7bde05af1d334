import { PabalError } from '../../../errors.ts'
import type { Capabilities } from '../../capabilities.ts'
import type { AmqpConnection } from '../driver.ts'
import type { Settings } from '../options.ts'

/** The oldest server: quorum queues know times to live and safe dead-lettering from here on. */
const oldest = [3, 10] as const

/** What the live server promises. Throws `BROKER_TOO_OLD`. */
export function capabilitiesOf(connection: AmqpConnection, settings: Settings): Capabilities {
  const wire = connection.connection as { serverProperties?: { product?: unknown; version?: unknown }; heartbeat?: unknown } | undefined
  const { product = 'a broker', version = '' } = wire?.serverProperties ?? {}
  const [major = 0, minor = 0] = String(version).split('.').map(Number)
  if (product !== 'RabbitMQ' || major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    const text = `amqp: ${settings.shown} is ${String(product)} ${String(version)}; RabbitMQ ${oldest.join('.')} or later is needed`
    throw new PabalError('BROKER_TOO_OLD', text)
  }
  const heartbeat = typeof wire?.heartbeat === 'number' && wire.heartbeat > 0 ? wire.heartbeat : settings.heartbeat
  return {
    // It syncs before it confirms a persistent message in a durable queue of either type.
    survives: 'power',
    ordersByKey: true,
    durableGroups: true,
    replays: false,
    delays: true,
    countsLosses: false,
    atomicEmit: false,
    detectsNoReceiver: true,
    knowsReceivers: false,
    fences: true,
    parks: true,
    maxBytes: settings.maxBytes,
    // A standby follows within milliseconds. What has no message in its queue is noticed by the next beat of the members.
    takeover: { killed: 3000, frozen: heartbeat * 3000 + 3000 },
  }
}
