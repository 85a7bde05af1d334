import type { Message } from '../message/message.ts';
/** What middleware sees of a handler's context. */
export interface MiddlewareContext {
    readonly message: Message;
    readonly payload: unknown;
    readonly headers: Readonly<Record<string, string>>;
    readonly key: string | undefined;
    readonly signal: AbortSignal;
    readonly attempt: number;
    readonly lost: number;
    readonly fence: number;
    /** The participant that handles it: the consumer group. */
    readonly service: string;
    remaining(): number | undefined;
}
/**
 * Around the handling of one message: `async (context, next) => { …; await next(); … }`. What it throws, or lets through, is a
 * failed attempt. Where `next` is not called the handler does not run, and the message counts as handled.
 */
export type Middleware = (context: MiddlewareContext, next: () => Promise<void>) => Promise<void> | void;
/** A handler as it runs: takes the context, gives what the handler returned. */
export type Run<C> = (context: C) => unknown;
/** Puts the middleware around a handler, once, when the service starts. Without middleware it is the handler itself. */
export declare function compose<C extends MiddlewareContext>(middleware: readonly Middleware[], handler: Run<C>): Run<C>;
