import type { Duration } from '../runtime/duration.ts';
import type { Logger } from './options.ts';
export interface SignalOptions {
    /** How long running handlers may take. Default: the `drain` of `connect`. */
    readonly within?: Duration | undefined;
    /** End the process when closed: with code 0, or 1 where the drain did not end in time. Default true. */
    readonly exit?: boolean | undefined;
}
/** Closes at the first of these signals, ends the process at the second. Returns what stops the listening. */
export declare function closeOnSignals(signals: readonly NodeJS.Signals[], options: SignalOptions, close: () => Promise<void>, logger: Logger): () => void;
