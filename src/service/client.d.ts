import type { ServiceData } from '../contract/data.ts';
import { type Duration } from '../runtime/duration.ts';
import type { Core } from './core.ts';
export interface ClientOptions {
    /** The deadline of requests and gathers that name none. Default: the app's. */
    readonly within?: Duration | undefined;
}
/** One function (or object with `gather`) for each message that the contract takes; the typed `Client` is this, seen through its contract. */
export declare function clientOf(core: Core, contract: ServiceData, options: ClientOptions): object;
