import type { MessageData, ServiceData } from '../contract/data.ts';
import { Port } from '../interaction/port.ts';
import { UsePort } from './calls.ts';
import type { Speaker } from './speaker.ts';
/** `publish` and `call` of one service, made once when it starts; handlers and the service's handle get theirs from it. */
export interface Voice {
    readonly Publish: new (speaker: Speaker) => object;
    readonly Call: new (speaker: Speaker) => object;
    /** Every channel that this voice may speak to. */
    readonly ports: readonly Port[];
    readonly uses: ReadonlyMap<string, UsePort>;
}
export declare function voiceOf(contract: ServiceData | undefined, as: string, within: number): Voice;
/** A client's function for one declared message. */
export declare function clientCall(speaker: Speaker, data: MessageData, within: number): unknown;
