import { type DeadLetters, deadLetters, type Treated, type Treatment } from '../delivery/dead-letters.ts'
import type { Waiting, Where, Which } from '../delivery/waiting.ts'
import { PabalError } from '../errors.ts'
import type { Core } from './core.ts'

/** Where the messages came from: a service's name, `reply.<service>`, or an aggregate's name with the group that subscribes. */
export interface LotPlace {
  readonly channel: string
  /** Events: the subscribing participant. Absent for a service's own channel. */
  readonly group?: string | undefined
}

/**
 * Messages that wait for a person. Everything that is done to them keeps the order of each key. Every call rejects with
 * `UNKNOWN_CHANNEL`, which names those that there are, where the place is mistyped or not there yet.
 */
export interface Lot {
  /** What waits, in order, read page by page. */
  list(place: LotPlace, which?: Which): AsyncIterable<Waiting>
  /** One message by its id, or undefined. */
  show(place: LotPlace, id: string): Promise<Waiting | undefined>
  /** Has them handled again, attempts counted anew, edited where the treatment says so. */
  redrive(place: LotPlace, which?: Which, treatment?: Treatment): Promise<Treated>
  /** Takes them away for ever. */
  discard(place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>
}

/** Parked messages: a failed one whose followers wait behind it. */
export interface ParkingLot extends Lot {
  /** To the dead letters, so that the followers go on. */
  skip(place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>): Promise<Treated>
}

/** The lots of an app. Each call throws or rejects with `UNSUPPORTED` where the transport lets nobody look. */
export function lotsOf({ transport, runtime }: Core): { dead: Lot; invalid: Lot; parked: ParkingLot } {
  let found: DeadLetters | undefined
  const letters = (): DeadLetters => (found ??= deadLetters(transport, runtime))
  const lot = (name: Where['lot']): ParkingLot => {
    const where = ({ channel, group }: LotPlace): Where => {
      if (typeof channel !== 'string' || channel === '')
        throw new PabalError('INVALID_OPTION', `the place of the messages has no channel, give one such as { channel: 'kitchen' }`)
      return { channel: { address: channel, kind: group === undefined ? 'point-to-point' : 'publish-subscribe' }, group, lot: name }
    }
    return Object.freeze({
      list: (place: LotPlace, which?: Which) => letters().list(where(place), which),
      show: async (place: LotPlace, id: string) => await letters().show(where(place), id),
      redrive: async (place: LotPlace, which?: Which, treatment?: Treatment) => await letters().redrive(where(place), which, treatment),
      discard: async (place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>) =>
        await letters().discard(where(place), which, treatment),
      skip: async (place: LotPlace, which?: Which, treatment?: Omit<Treatment, 'edit'>) =>
        await letters().skip(where(place), which, treatment),
    })
  }
  return { dead: lot('dead'), invalid: lot('invalid'), parked: lot('parked') }
}
