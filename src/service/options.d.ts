import type { DeliveryOptions } from '../delivery/policy.ts';
import type { DeliveryEvent, DeliveryPolicy } from '../delivery/types.ts';
import { type Faults } from '../errors.ts';
import { type Duration } from '../runtime/duration.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Capabilities } from '../transport/capabilities.ts';
import type { Middleware } from './middleware.ts';
/** Where Pabal says what a person should know: `console` fits, and so does the logger of most libraries. */
export interface Logger {
    info(message: string, details?: unknown): void;
    warn(message: string, details?: unknown): void;
    error(message: string, details?: unknown): void;
}
/** What `connect` may be told. The delivery options are the defaults of every service of the app. */
export interface ConnectOptions extends DeliveryOptions {
    /** Who this process is where it acts as no service: the `source` of what its clients send. Default `client`. */
    readonly name?: string | undefined;
    /** The deadline of requests and gathers that name none. Default `30s`, so that every request has one. */
    readonly within?: Duration | undefined;
    /** Make missing channels (`create`, the default), or only check that they are there. */
    readonly provision?: 'create' | 'check' | undefined;
    /** Around every handler of the app, the first outermost. */
    readonly middleware?: readonly Middleware[] | undefined;
    /** Told of what a person should look at. Default: warnings and errors on the console; `false`: nothing. */
    readonly logger?: Logger | false | undefined;
    /** Clock, timers, ids and fault points. Default: the system's. */
    readonly runtime?: Runtime | undefined;
    /** How long `close` waits for running handlers. Default `10s`. */
    readonly drain?: Duration | undefined;
    /** What the transport must declare; start is refused with `UNSUPPORTED` where it declares less. */
    readonly requires?: Partial<Capabilities> | undefined;
    /** Told of every delivery that failed, was parked, dead-lettered, invalid, unknown or skipped. */
    readonly onDelivery?: ((event: DeliveryEvent) => void) | undefined;
}
/** What `serve` may be told; the delivery options go before those of the app. */
export interface ServeOptions extends DeliveryOptions {
    /** The participant's name: its consumer group for events and questions to many, and the `source` of what it sends. Default: the contract's name. */
    readonly as?: string | undefined;
    /** Around every handler of this service, inside the app's. */
    readonly middleware?: readonly Middleware[] | undefined;
    /** Needs an inbox in the handler's transaction, which this version does not have: `true` is refused with `INBOX_REQUIRED`. */
    readonly effectivelyOnce?: boolean | undefined;
}
export interface Settings {
    readonly name: string;
    readonly within: number;
    readonly drain: number;
    readonly provision: 'create' | 'check';
}
/** Reads what `connect` was given; every fault is noted, the defaults stand in. */
export declare function settingsFrom(options: ConnectOptions, faults: Faults): Settings;
/** The delivery policy of one service: its own options before the app's. */
export declare function policyOf(app: ConnectOptions, own: DeliveryOptions, what: string, faults: Faults): DeliveryPolicy;
export declare function checkServeOptions(options: ServeOptions, what: string, faults: Faults): void;
export declare function unknownOptions(options: object, known: readonly string[], what: string, faults: Faults): void;
/** Compares what was asked for with what the transport declares. */
export declare function checkRequires(requires: Partial<Capabilities> | undefined, declared: Capabilities, transport: string, faults: Faults): void;
