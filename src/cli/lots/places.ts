import { deadLetterChannel, invalidMessageChannel } from '../../channel/names.ts'
import type { Waiting, Which } from '../../delivery/waiting.ts'
import type { App } from '../../service/app.ts'
import type { Lot, LotPlace, ParkingLot } from '../../service/lots.ts'
import type { Depth } from '../../transport/seam.ts'
import { isEphemeral } from '../channels/overview.ts'
import { Usage } from '../frame/exit.ts'
import { didYouMean } from '../frame/suggest.ts'

export type LotName = 'dead-letters' | 'invalid-messages' | 'parked'

export function lotOf(app: App, name: LotName): Lot | ParkingLot {
  if (name === 'dead-letters') return app.deadLetters
  return name === 'parked' ? app.parked : app.invalidMessages
}

/** A place that has some, and how many. */
export interface Held {
  readonly place: LotPlace
  readonly count: number
}

export const placeText = ({ channel, group }: LotPlace): string => (group === undefined ? channel : `${channel}/${group}`)

/** The places that hold what is asked for: those of one channel, of one group, or all. Throws `Usage` for a channel or group that is not there. */
export function placesOf(depths: readonly Depth[], lot: LotName, channel: string | undefined, group: string | undefined): readonly Held[] {
  const beside = new Map(depths.map((depth) => [depth.channel.address, depth.waiting]))
  const isBeside = /\.(?:dead|invalid)$/
  const found: Held[] = []
  for (const depth of depths) {
    const { address } = depth.channel
    if ((isBeside.test(address) && depth.channel.kind === 'point-to-point') || depth.channel.kind === 'inbox' || isEphemeral(depth))
      continue
    const place: LotPlace = depth.group === undefined ? { channel: address } : { channel: address, group: depth.group }
    const count =
      lot === 'parked'
        ? depth.parked
        : (beside.get((lot === 'dead-letters' ? deadLetterChannel : invalidMessageChannel)(depth.channel, depth.group).address) ?? 0)
    found.push({ place, count })
  }
  const known = [...new Set(found.map(({ place }) => place.channel))].sort()
  if (channel !== undefined && !known.includes(channel))
    throw new Usage(
      `There is no channel "${channel}" that anybody reads; there are ${known.join(', ') || 'none'}.${didYouMean(channel, known)}`,
    )
  const here = found.filter(({ place }) => channel === undefined || place.channel === channel)
  const groups = [...new Set(here.flatMap(({ place }) => place.group ?? []))]
  if (group !== undefined && !groups.includes(group))
    throw new Usage(
      `${channel === undefined ? 'No channel' : channel} has${channel === undefined ? ' a' : ' no'} group "${group}"; there are ${groups.join(', ') || 'none'}.${didYouMean(group, groups)}`,
    )
  return here.filter(({ place, count }) => count > 0 && (group === undefined || place.group === group))
}

/** What is asked for, in the places where it is. */
export interface Chosen {
  readonly place: LotPlace
  readonly which: Which
}

/** Finds each id, of which the first or the last characters suffice. Throws `Usage` where two messages answer to one. */
export async function chooseByIds(lot: Lot, places: readonly Held[], ids: readonly string[]): Promise<readonly Chosen[]> {
  const found = new Map<string, { id: string; place: LotPlace }[]>(ids.map((id) => [id, []]))
  for (const { place } of places)
    for await (const { message } of lot.list(place))
      for (const id of ids) if (answersTo(message.id, id)) found.get(id)?.push({ id: message.id, place })
  const chosen = new Map<LotPlace, string[]>()
  const missing: string[] = []
  for (const [asked, all] of found) {
    const exact = all.filter(({ id }) => id === asked)
    const [first, second] = exact.length > 0 ? exact : all
    if (first === undefined) missing.push(asked)
    else if (second !== undefined)
      throw new Usage(
        second.id === first.id
          ? `${asked} waits in two places, ${placeText(first.place)} and ${placeText(second.place)}: choose one with --channel and --group.`
          : `${asked} means ${all.length} messages, such as ${first.id} and ${second.id}: give more of the id.`,
      )
    else chosen.set(first.place, [...(chosen.get(first.place) ?? []), first.id])
  }
  if (missing.length > 0) throw new NotThere(missing)
  return [...chosen].map(([place, id]) => ({ place, which: { id } }))
}

/** Some of what was named is not there, or no longer. */
export class NotThere extends Error {
  constructor(ids: readonly string[]) {
    super(`There is no message ${ids.join(', ')} here, or no longer.`)
  }
}

const answersTo = (id: string, asked: string): boolean =>
  id === asked || (asked.length >= 4 && (id.startsWith(asked) || id.endsWith(asked)))

/** What can be told apart of an id in a narrow table: its last characters, since UUIDv7s of one minute begin alike. */
export const shortId = (id: string): string => (id.length > 14 ? id.slice(-12) : id)

/** One after the other, with its place. */
export async function* listAll(
  lot: Lot,
  chosen: readonly Chosen[],
): AsyncGenerator<{ place: LotPlace; waiting: Waiting }, void, undefined> {
  for (const { place, which } of chosen) for await (const waiting of lot.list(place, which)) yield { place, waiting }
}
