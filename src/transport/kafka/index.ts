import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../seam.ts'
import { type KafkaOptions, optionsFromUrl } from './options.ts'
import { KafkaTransport } from './transport.ts'

export type { KafkaOptions, TlsOptions } from './options.ts'
export { rightsOf } from './rights.ts'

/**
 * Kafka 2.4 or newer, by the driver `@platformatic/kafka`. Durable when `send` resolves (all replicas in sync have it), in order
 * for each key. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`; `open` rejects with `DRIVER_MISSING`, `BROKER_UNREACHABLE`,
 * `ACCESS_REFUSED`, `TLS_REFUSED` or `BROKER_TOO_OLD`.
 */
export function kafka(options: KafkaOptions): Transport {
  return new KafkaTransport(options)
}

/** The transport of `kafka://127.0.0.1:9092?prefix=test.`, with TLS for `kafkas:`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function fromUrl(url: string, _runtime: Runtime): Transport {
  return new KafkaTransport(optionsFromUrl(url))
}
