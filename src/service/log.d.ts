import type { DeliveryEvent } from '../delivery/types.ts';
import type { Logger } from './options.ts';
export declare function loggerOf(given: Logger | false | undefined): Logger;
/** Says what became of a delivery: what is tried again is a warning, what waits for a person is an error. */
export declare function logDelivery(logger: Logger, { what, channel, group, message, error }: DeliveryEvent): void;
