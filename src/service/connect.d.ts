import type { Transport } from '../transport/seam.ts';
import type { App } from './app.ts';
import { type ConnectOptions } from './options.ts';
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
export declare function connect(target: string | Transport, options?: ConnectOptions): Promise<App>;
