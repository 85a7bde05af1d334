import type { MessageData } from '../contract/data.ts';
import type { HandleContext, Route } from '../delivery/types.ts';
import { MessageCodec } from '../interaction/codec.ts';
import { type ReplyPort } from '../interaction/port.ts';
import { checkOf } from '../interaction/validate.ts';
import type { Message } from '../message/message.ts';
import type { Outgoing } from '../transport/seam.ts';
import { Context } from './context.ts';
import type { Core } from './core.ts';
import { Handling } from './handling.ts';
import { type Middleware, type Run } from './middleware.ts';
import type { Voice } from './voice.ts';
export type Handler = (context: never) => unknown;
/** What every route of one participant shares. */
export interface Participant {
    readonly core: Core;
    /** The consumer group, and the source of what is sent. */
    readonly as: string;
    readonly voice: Voice;
    readonly middleware: readonly Middleware[];
}
/** A handler behind the delivery engine: decodes for it, runs it, gathers what it said. Everything is resolved when it is made. */
export declare abstract class HandlerRoute implements Route {
    readonly label: string;
    readonly voice: Voice;
    /** What `reply` is in the handler's context. */
    readonly makers: object;
    protected readonly core: Core;
    protected readonly as: string;
    protected readonly run: Run<Context>;
    constructor(participant: Participant, label: string, handler: Handler);
    abstract decode(message: Message): unknown;
    /** From what `decode` gave: asynchronous replies decode to more than the payload. */
    payloadOf(decoded: unknown): unknown;
    contextOf(_decoded: unknown): unknown;
    handle(decoded: unknown, delivered: HandleContext): Promise<readonly Outgoing[]>;
    /** What is done with what the handler returned. */
    protected finish(_handling: Handling, _returned: unknown): void | Promise<void>;
}
/** Notifications, documents and events: whatever the handler returns is not looked at. */
export declare class OneWayRoute extends HandlerRoute {
    protected readonly codec: MessageCodec;
    constructor(participant: Participant, data: MessageData, handler: Handler);
    /** False for a version from the future: another instance may know it. */
    knows(message: Message): boolean;
    decode(message: Message): unknown;
}
/** Commands: the handler returns one of the declared replies, which leaves with the acknowledgement. */
export declare class ReplyingRoute extends OneWayRoute {
    #private;
    readonly makers: object;
    constructor(participant: Participant, data: MessageData, handler: Handler);
    decode(message: Message): unknown;
    protected finish(handling: Handling, returned: unknown): void | Promise<void>;
}
/** Queries are transient and change nothing: a question whose asker has stopped waiting is dropped and counted. */
export declare class QueryRoute extends ReplyingRoute {
    handle(decoded: unknown, delivered: HandleContext): Promise<readonly Outgoing[]>;
}
/** Replies to what this service sent with `call.….send`: by use, then by reply name. */
export declare class ReplyRoute extends HandlerRoute {
    #private;
    constructor(participant: Participant, use: string, reply: ReplyPort, context: Parameters<typeof checkOf>[0] | undefined, handler: Handler);
    decode(message: Message): unknown;
    payloadOf(decoded: unknown): unknown;
    contextOf(decoded: unknown): unknown;
}
