import { PabalError } from '../errors.ts'
import type { Admin, Depth } from '../transport/seam.ts'
import { placeOf, type Where } from './waiting.ts'

/** So many channels are named where one is not known. */
const named = 20

/** Tells a place where nothing waits from one that is not there. Asks the transport only about places in which nothing was found, once each. */
export class Places {
  readonly #admin: Admin
  readonly #known = new Set<string>()

  constructor(admin: Admin) {
    this.#admin = admin
  }

  /** Throws `UNKNOWN_CHANNEL` where there is no such channel, or it has no such group. */
  async check(where: Where): Promise<void> {
    const { channel, group, lot } = where
    const name = JSON.stringify([channel.address, group, lot])
    if (this.#known.has(name)) return
    const depths = await this.#admin.depths()
    const { address } = placeOf(where).channel
    const isKnown = depths.some(
      (depth) =>
        (depth.channel.address === channel.address && depth.group === group) || (lot !== 'parked' && depth.channel.address === address),
    )
    if (!isKnown) throw unknown(where, depths)
    if (this.#known.size >= 1000) this.#known.clear()
    this.#known.add(name)
  }
}

function unknown({ channel, group }: Where, depths: readonly Depth[]): PabalError {
  const groups = new Map<string, string[]>()
  for (const { channel: each, group: of } of depths) {
    if (each.kind === 'inbox' || (each.kind === 'point-to-point' && /\.(?:dead|invalid)$/.test(each.address))) continue
    const all = groups.get(each.address) ?? []
    groups.set(each.address, all)
    if (of !== undefined) all.push(of)
  }
  const own = groups.get(channel.address)
  if (own !== undefined) {
    const said =
      own.length === 0
        ? `is point-to-point and has no groups, so give none`
        : `has ${group === undefined ? '' : 'only '}the groups ${list(own)}${group === undefined ? ': give the one whose messages are meant' : ''}`
    const what = group === undefined ? 'no group was given' : `there is no group "${group}" on the channel "${channel.address}"`
    return new PabalError('UNKNOWN_CHANNEL', `${what}: ${channel.address} ${said}`)
  }
  const all = [...groups].map(([address, of]) => (of.length === 0 ? address : `${address} (${list(of)})`))
  return new PabalError(
    'UNKNOWN_CHANNEL',
    `there is no channel "${channel.address}"; there ${all.length === 0 ? 'is none' : `are ${list(all)}`}`,
  )
}

const list = (names: readonly string[]): string =>
  names.length > named ? `${names.slice(0, named).join(', ')} and ${names.length - named} more` : names.join(', ')
