import type { MessageData, ServiceData } from '../contract/data.ts';
import type { Faults } from '../errors.ts';
import type { Capabilities } from '../transport/capabilities.ts';
import type { Handler } from './routes.ts';
/** What `serve` was given beside the contract, as plain data: by name, with `replies` and `on`. */
export type HandlersData = Readonly<Record<string, unknown>>;
/** Everything that one participant handles, checked against its contract. */
export interface Plan {
    /** Commands, notifications, documents. */
    readonly durable: readonly Handled[];
    /** Queries to one. */
    readonly queries: readonly Handled[];
    /** Queries to many: each on a channel of its own. */
    readonly gathers: readonly Handled[];
    /** By use, then by reply name. */
    readonly replies: ReadonlyMap<string, ReadonlyMap<string, Handler>>;
    /** By aggregate. */
    readonly events: ReadonlyMap<string, readonly Handled[]>;
}
export interface Handled {
    readonly data: MessageData;
    readonly handler: Handler;
}
/** Pairs declarations with handlers; notes every one that is missing, unknown or there twice. */
export declare function planOf(contract: ServiceData, handlers: HandlersData, faults: Faults): Plan;
/** What the subscriptions of one participant handle, by aggregate. */
export declare function subscriptionsOf(given: unknown, what: string, faults: Faults): ReadonlyMap<string, readonly Handled[]>;
/** What the plan asks of the transport and the transport does not declare. */
export declare function checkCapabilities(plan: Plan, declared: Capabilities, what: string, transport: string, faults: Faults): void;
/** Plain data from any copy of the library: told by its mark, not by its class. */
export declare function isContract(value: unknown): value is ServiceData;
