import type { Runtime } from '../runtime/runtime.ts';
import type { Transport } from '../transport/seam.ts';
/** The transport behind `sqlite:./ftgo.db`, `memory:`. Throws `UNKNOWN_TRANSPORT`, or what the transport says of its URL. */
export declare function transportFrom(url: string, runtime: Runtime): Promise<Transport>;
