import type { Channel } from '../channel/channel.ts';
import type { ServiceData } from '../contract/data.ts';
import type { Consumer, DeliveryPolicy, Route } from '../delivery/types.ts';
import type { Message } from '../message/message.ts';
import type { Core } from './core.ts';
import { type ServeOptions } from './options.ts';
import type { Owners } from './owners.ts';
import { type HandlersData, type Plan } from './plan.ts';
import { type Participant } from './routes.ts';
/** A running service; the typed `ServiceHandle` is this, seen through its contract. */
export interface ServiceRuntime {
    readonly name: string;
    readonly call: object;
    readonly publish: object;
    setConcurrency(value: number): void;
    close(): Promise<void>;
    /** For the app: its consumers, and its end by a deadline. */
    readonly consumers: readonly Consumer[];
    stop(deadline: number): Promise<void>;
}
/** Checks everything, makes the channels, and starts the consumers of one participant. */
export declare function startService(core: Core, owners: Owners, contract: ServiceData, handlers: HandlersData, options: ServeOptions, closed: () => void): Promise<ServiceRuntime>;
/** One subscription: a lane of a channel, and where each of its messages goes. */
interface Lane {
    readonly channel: Channel;
    readonly group: string | undefined;
    readonly durable: boolean;
    readonly unknown: 'skip' | 'grace';
    readonly routes: (message: Message) => Route | undefined;
    readonly as: string;
}
/** One lane an aggregate; `group` undefined: for as long as this process lives. */
export declare function eventLanes(events: Plan['events'], participant: Participant, group: string | undefined): Lane[];
export declare function consume(core: Core, lane: Lane, policy: DeliveryPolicy): Promise<Consumer>;
/** The lane's channel and what lies beside it. */
export declare function beside(lane: Lane): Channel[];
export {};
