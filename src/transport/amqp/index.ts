import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../seam.ts'
import type { AmqpOptions } from './options.ts'
import { AmqpTransport } from './transport.ts'

export type {
  AmqpAddress,
  AmqpChannel,
  AmqpConfirmChannel,
  AmqpConnection,
  AmqpDriver,
  AmqpMessage,
  AmqpProperties,
  QueueFacts,
} from './driver.ts'
export type { AmqpOptions, AmqpTls } from './options.ts'
export { rightsOf } from './rights.ts'

/**
 * RabbitMQ 3.10 or later, through amqplib. Durable when `send` resolves (confirmed by the broker), in order for each key.
 * Throws `UNKNOWN_OPTION` or `INVALID_OPTION`; `open` rejects with `DRIVER_MISSING`, `BROKER_UNREACHABLE`, `ACCESS_REFUSED`, `TLS_REFUSED`,
 * `BROKER_TOO_OLD` or `INVALID_CONFIGURATION`.
 */
export function amqp(options: AmqpOptions): Transport {
  return new AmqpTransport(options)
}

/** The transport of `amqp://user:password@host:5672/vhost?prefix=test`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function fromUrl(url: string, runtime: Runtime): Transport {
  return new AmqpTransport({ url, runtime })
}
