import type { Consumer } from '../delivery/types.ts';
import type { TransportState } from '../transport/seam.ts';
import type { Core } from './core.ts';
/** What a probe asks. `live`: restarting this process would not help. `ready`: it can take work now. */
export interface Health {
    readonly live: boolean;
    readonly ready: boolean;
    /** Why it is not ready or not live; empty where it is both. */
    readonly reasons: readonly string[];
    /** By participant: what its consumers have in hand. */
    readonly services: Readonly<Record<string, {
        readonly running: number;
        readonly waiting: number;
        readonly heldKeys: number;
        readonly parkedKeys: number;
    }>>;
    /** Requests and gathers that wait for replies. */
    readonly inFlight: number;
}
export declare function healthOf(core: Core, state: TransportState, services: readonly {
    readonly name: string;
    readonly consumers: readonly Consumer[];
}[]): Health;
