import type { Channel } from '../channel/channel.ts';
import type { Accepted } from '../contract/types/outcome.ts';
import type { HandleContext } from '../delivery/types.ts';
import { type Origin } from '../interaction/origin.ts';
import type { Message } from '../message/message.ts';
import type { Outgoing } from '../transport/seam.ts';
import type { Core } from './core.ts';
import { type Speaker } from './speaker.ts';
/**
 * The handling of one delivery: what its handler says is kept and leaves with the acknowledgement. Ids are derived from the
 * delivery, so that a handler which runs twice sends the same ids twice. Nothing is made that the handler does not use.
 */
export declare class Handling implements Speaker, Origin {
    #private;
    readonly core: Core;
    readonly source: string;
    readonly message: Message;
    readonly delivered: HandleContext;
    constructor(core: Core, source: string, delivered: HandleContext, arrived: number | undefined);
    get origin(): Origin;
    get conversation(): string;
    get cause(): string;
    get inherited(): Readonly<Record<string, string>> | undefined;
    remaining(): number | undefined;
    nextId(channel: Channel, type: string): string;
    assertMaySpeak(what: string): void;
    refuse(error: unknown): never;
    say(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, immediate: boolean): Promise<Accepted>;
    keep(outgoing: Outgoing): void;
    /** Ends it: nothing may be said any more. What was said, or a promise of it where a schema is still looking. */
    end(): readonly Outgoing[] | Promise<readonly Outgoing[]>;
    /** Ends it after a failure: what was kept is not sent. */
    abandon(): void;
}
/** The milliseconds that the sender still waits, as they travel; undefined where there are none or they are no number. */
export declare function withinOf(message: Message): number | undefined;
