import type { UseData } from '../contract/data.ts';
import type { Accepted } from '../contract/types/outcome.ts';
import { type Answer } from '../interaction/request.ts';
import { Gather, type GatherFields } from '../interaction/gather.ts';
import { Port } from '../interaction/port.ts';
import { type Duration } from '../runtime/duration.ts';
import type { Speaker } from './speaker.ts';
/** Every option that a send may have; which of them a person may write is said by the types. */
export interface CallOptions {
    readonly id?: string | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
    readonly key?: string | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly within?: Duration | undefined;
    readonly immediate?: boolean | undefined;
    readonly after?: Duration | undefined;
    readonly at?: Date | number | undefined;
    readonly context?: unknown;
    readonly until?: GatherFields['until'];
    readonly expected?: readonly string[] | undefined;
}
/** Request/response. */
export declare function ask(speaker: Speaker, port: Port, within: number, payload: unknown, options?: CallOptions): Promise<Answer>;
/** Publish/asynchronous responses. */
export declare function gather(speaker: Speaker, port: Port, within: number, payload: unknown, options?: CallOptions): Gather;
/** One way: notifications, documents, events, and commands whose reply nobody waits for. */
export declare function tell(speaker: Speaker, port: Port, payload: unknown, options?: CallOptions, key?: string, wish?: ReplyWish): Promise<Accepted>;
/** Where the reply to a command goes, and what comes back with it. */
export interface ReplyWish {
    readonly replyTo: string;
    readonly extensions: Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
}
/** One of a service's `uses`, as its callers need it: made once when the service starts. */
export declare class UsePort extends Port {
    #private;
    constructor(use: string, data: UseData, as: string);
    /** The reply goes to this service's durable reply channel and brings `context` back. */
    wish(context: unknown): ReplyWish;
}
