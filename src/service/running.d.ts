import type { ServiceData, SubscriptionData } from '../contract/data.ts';
import type { DeliveryOptions } from '../delivery/policy.ts';
import type { Counters } from '../delivery/types.ts';
import { type Duration } from '../runtime/duration.ts';
import type { Depth, TransportState } from '../transport/seam.ts';
import type { Watching } from './app.ts';
import { type ClientOptions } from './client.ts';
import { type Core } from './core.ts';
import { type Health } from './health.ts';
import { type Lot, type ParkingLot } from './lots.ts';
import { type ServeOptions } from './options.ts';
import { type HandlersData } from './plan.ts';
import { type ServiceRuntime } from './serve.ts';
import { type SignalOptions } from './signals.ts';
/** The app as it runs, over plain data; `connect` returns it as the typed `App`. */
export declare class RunningApp {
    #private;
    readonly deadLetters: Lot;
    readonly invalidMessages: Lot;
    readonly parked: ParkingLot;
    constructor(core: Core, state: () => TransportState);
    get capabilities(): import("../index.ts").Capabilities;
    serve(contract: ServiceData, handlers: HandlersData, options?: ServeOptions): Promise<ServiceRuntime>;
    client(contract: ServiceData, options?: ClientOptions): object;
    clients(services: Readonly<Record<string, ServiceData>>, options?: ClientOptions): object;
    on(subscription: SubscriptionData, options?: DeliveryOptions): Promise<Watching>;
    health(): Health;
    counters(): Counters;
    channels(): Promise<readonly Depth[]>;
    close(options?: {
        readonly within?: Duration | undefined;
    }): Promise<void>;
    closeOn(signals: readonly NodeJS.Signals[], options?: SignalOptions): void;
    [Symbol.asyncDispose](): Promise<void>;
}
