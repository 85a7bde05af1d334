import { deadLetterChannel, invalidMessageChannel } from '../../channel/names.ts'
import type { Admin, Depth, Place } from '../../transport/seam.ts'
import { instant } from '../view/text.ts'

/** How many messages of a key wait. */
export interface HotKey {
  readonly key: string
  readonly waiting: number
}

/** A channel, or a group of one, with what lies beside it. */
export interface Overview {
  readonly depth: Depth
  /** Undefined where there is no such channel. */
  readonly dead: number | undefined
  readonly invalid: number | undefined
  readonly hot?: { readonly keys: readonly HotKey[]; readonly scanned: number } | undefined
}

/** Dead letters and invalid messages stand beside the channel and group they came from, not in rows of their own. */
export function overviewOf(depths: readonly Depth[]): Overview[] {
  const besides = new Map(depths.filter(({ channel }) => channel.kind === 'point-to-point').map((depth) => [depth.channel.address, depth]))
  const taken = new Set<string>()
  const beside = (address: string): number | undefined => {
    const found = besides.get(address)
    if (found !== undefined) taken.add(address)
    return found?.waiting
  }
  const rows = [...depths].sort(byName).map((depth) => ({
    depth,
    dead: beside(deadLetterChannel(depth.channel, depth.group).address),
    invalid: beside(invalidMessageChannel(depth.channel, depth.group).address),
  }))
  return rows.filter(({ depth }) => !taken.has(depth.channel.address) && depth.channel.kind !== 'inbox')
}

/** The keys with the most messages among the first `bound` that wait. */
export async function hotKeysOf(admin: Admin, place: Place, bound: number, most: number): Promise<NonNullable<Overview['hot']>> {
  const counts = new Map<string, number>()
  let scanned = 0
  let after: string | undefined
  while (scanned < bound) {
    const limit = Math.min(500, bound - scanned)
    const page = await admin.browse(place, { limit, after })
    for (const { message } of page) if (message.key !== undefined) counts.set(message.key, (counts.get(message.key) ?? 0) + 1)
    scanned += page.length
    if (page.length < limit) break
    after = page.at(-1)?.position
  }
  const keys = [...counts].map(([key, waiting]) => ({ key, waiting }))
  return { keys: keys.sort((a, b) => b.waiting - a.waiting || (a.key < b.key ? -1 : 1)).slice(0, most), scanned }
}

/** A subscriber without a group of its own, gone when it ends: no service is called so. */
export const isEphemeral = ({ group }: Depth): boolean => group?.startsWith('~') === true

export const placeOf = ({ channel, group }: Depth): Place => (group === undefined ? { channel } : { channel, group })

/** The shards that each member owns; without their names where the transport cannot tell them. */
export function membersOf({
  owners,
  shards,
}: Depth): { readonly name: string; readonly count: number; readonly owns?: readonly string[] }[] {
  const owned = new Map<string, string[]>()
  for (const [shard, member] of Object.entries(shards ?? {})) owned.set(member, [...(owned.get(member) ?? []), shard])
  return Object.entries(owners)
    .map(([name, count]) => ({ name, count, ...(shards !== undefined && { owns: (owned.get(name) ?? []).sort(inOrder) }) }))
    .sort((a, b) => inOrder(a.name, b.name))
}

/** The same order each time, whatever the store's is. */
const byName = (a: Depth, b: Depth): number => compare(a.channel.address, b.channel.address) || compare(a.group ?? '', b.group ?? '')

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const inOrder = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

/** `0-3, 7` for shards that are numbers; other names as they are. */
export function shardText(shards: readonly string[]): string {
  if (shards.length === 0 || shards.some((shard) => !/^\d+$/.test(shard))) return shards.join(', ')
  const ranges: [number, number][] = []
  for (const shard of shards.map(Number).sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === shard - 1) last[1] = shard
    else ranges.push([shard, shard])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}

/** For scripts; docs/reference/cli.md has the shape. */
export function overviewJson({ depth, dead, invalid, hot }: Overview): Record<string, unknown> {
  const { channel, group, waiting, parked, oldest } = depth
  return {
    channel: channel.address,
    kind: channel.kind,
    group,
    waiting,
    oldest: oldest === undefined ? undefined : instant(oldest),
    parked,
    deadLetters: dead ?? 0,
    invalidMessages: invalid ?? 0,
    members: membersOf(depth).map(({ name, count, owns }) => ({ name, shards: count, owns })),
    hotKeys: hot?.keys,
    scanned: hot?.scanned,
  }
}
