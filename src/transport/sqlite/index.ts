import type { Runtime } from '../../runtime/runtime.ts'
import type { Transport } from '../seam.ts'
import { optionsFromUrl, type SqliteOptions } from './options.ts'
import { SqliteTransport } from './transport.ts'

export type { SqliteOptions, TraceEvent, WorkerFaults } from './options.ts'

/**
 * The embedded store: several processes on one file. Durable when `send` resolves (synced to disk), in order for each key.
 * Throws `UNKNOWN_OPTION` or `INVALID_OPTION`; `open` rejects with `STORE_UNUSABLE`, `STORE_CORRUPT` or `STORE_VERSION`.
 */
export function sqlite(options: SqliteOptions): Transport {
  return new SqliteTransport(options)
}

/** The transport of `sqlite:./messages.db?maxSize=100000000`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function fromUrl(url: string, runtime: Runtime): Transport {
  return new SqliteTransport({ ...optionsFromUrl(url), runtime })
}
