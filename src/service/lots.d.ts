import { type Treated, type Treatment } from '../delivery/dead-letters.ts';
import type { Waiting, Which } from '../delivery/waiting.ts';
import type { Core } from './core.ts';
/** Where the messages came from: a service's name, `reply.<service>`, or an aggregate's name with the group that subscribes. */
export interface LotPlace {
    readonly channel: string;
    /** Events: the subscribing participant. Absent for a service's own channel. */
    readonly group?: string | undefined;
}
/** Messages that wait for a person. Everything that is done to them keeps the order of each key. */
export interface Lot {
    /** What waits, in order, read page by page. */
    list(place: LotPlace, which?: Which): AsyncIterable<Waiting>;
    /** One message by its id, or undefined. */
    show(place: LotPlace, id: string): Promise<Waiting | undefined>;
    /** Has them handled again, attempts counted anew, edited where the treatment says so. */
    redrive(place: LotPlace, which?: Which, treatment?: Treatment): Promise<Treated>;
    /** Takes them away for ever. */
    discard(place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>;
}
/** Parked messages: a failed one whose followers wait behind it. */
export interface ParkingLot extends Lot {
    /** To the dead letters, so that the followers go on. */
    skip(place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>;
}
/** The lots of an app. Each call throws or rejects with `UNSUPPORTED` where the transport lets nobody look. */
export declare function lotsOf({ transport, runtime }: Core): {
    dead: Lot;
    invalid: Lot;
    parked: ParkingLot;
};
