import type { Message } from '../message/message.ts';
import type { Handling } from './handling.ts';
import type { HandlerRoute } from './routes.ts';
/**
 * What a handler is given. Everything is a getter on the prototype, so that destructuring works and what a handler does not
 * name is not made.
 */
export declare class Context {
    #private;
    constructor(handling: Handling, route: HandlerRoute, payload: unknown);
    get payload(): unknown;
    /** Of an asynchronous reply: what `send` was given as `context`. */
    get context(): unknown;
    get message(): Message;
    get headers(): Readonly<Record<string, string>>;
    get key(): string | undefined;
    get from(): string;
    get signal(): AbortSignal;
    get attempt(): number;
    get lost(): number;
    get fence(): number;
    get service(): string;
    get remaining(): () => number | undefined;
    get reply(): unknown;
    get publish(): unknown;
    get call(): unknown;
}
