import { PabalError } from '../../errors.ts'
import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Admin, Depth, ParkNote, Place, Stored } from '../seam.ts'
import { Entry, keep } from './entry.ts'
import type { Group } from './group.ts'
import type { Hub } from './hub.ts'
import type { Shard } from './shard.ts'
import type { Delayed, Topic } from './topic.ts'

/** What a person does to waiting messages. Counts and searches when asked; the hot path keeps no books for it. */
export class MemoryAdmin implements Admin {
  readonly #hub: Hub

  constructor(hub: Hub) {
    this.#hub = hub
  }

  async depths(): Promise<readonly Depth[]> {
    return [...this.#hub.topics.values()].flatMap((topic) => topic.durable.map((group) => depthOf(topic, group)))
  }

  async browse(place: Place, options: { readonly limit: number; readonly after?: string | undefined }): Promise<readonly Stored[]> {
    const group = this.#group(place)
    if (group === undefined) return []
    const after = options.after === undefined ? 0 : Number(options.after)
    const found: (Stored & { readonly at: number })[] = []
    for (const shard of group.shards) {
      for (const entry of shard.stored(place.parked === true)) {
        if (entry.seq > after)
          found.push({ at: entry.seq, position: String(entry.seq), message: entry.message, ...(entry.note && { note: entry.note }) })
      }
    }
    if (!place.parked) {
      for (const delayed of this.#delayed(place)) {
        if (delayed.position > after && delayed.groups.includes(group))
          found.push({
            at: delayed.position,
            position: String(delayed.position),
            message: delayed.message,
            notBefore: delayed.due,
          })
      }
    }
    return found
      .sort((a, b) => a.at - b.at)
      .slice(0, options.limit)
      .map(({ at: _, ...stored }) => stored)
  }

  async amend(place: Place, position: string, note: ParkNote, message?: Message): Promise<boolean> {
    const found = place.parked ? this.#find(place, position) : undefined
    if (found === undefined) return false
    const { shard, entry } = found
    entry.note = note
    if (entry.out !== undefined) entry.amended = true
    if (message !== undefined) {
      const bytes = sizeOf(message)
      entry.message = keep({ message })
      // While it is out its member counts it with the size it had.
      if (entry.out === undefined) {
        this.#hub.bytes += bytes - entry.bytes
        entry.bytes = bytes
      }
    }
    shard.restore(entry, 0)
    return true
  }

  async move(from: Place, position: string, to: Place, note: ParkNote, message?: Message): Promise<boolean> {
    if (from.channel.kind !== 'point-to-point' || from.parked || !to.parked)
      throw new PabalError('UNSUPPORTED', "messages move from a point-to-point channel's queue to a parking lot: give such places")
    const target = this.#group(to)
    if (target === undefined)
      throw new PabalError(
        'INVALID_CONFIGURATION',
        `there is no group ${to.group ?? '(owner)'} on ${to.channel.address}: start its consumer once, or correct the name`,
      )
    const found = this.#find(from, position)
    if (found === undefined || found.entry.out !== undefined) return false
    found.group.drop(found.shard, found.entry)
    const moved = message === undefined ? found.entry.message : keep({ message })
    const entry = new Entry(++this.#hub.sequence, moved, sizeOf(moved), Number.POSITIVE_INFINITY)
    this.#hub.count(1, entry.bytes)
    target.shardFor(moved.key).park(entry, note)
    return true
  }

  async discard(place: Place, position: string): Promise<boolean> {
    const found = this.#find(place, position)
    if (found === undefined) return !place.parked && this.#discardDelayed(place, position)
    if (found.entry.out !== undefined) return false
    found.group.drop(found.shard, found.entry)
    // Its owner counts what is parked: it is told anew.
    if (place.parked) found.group.revoke(found.shard)
    return true
  }

  #discardDelayed(place: Place, position: string): boolean {
    const group = this.#group(place)
    for (const delayed of this.#delayed(place)) {
      if (String(delayed.position) === position && group !== undefined) return delayed.leave(group)
    }
    return false
  }

  #group(place: Place): Group | undefined {
    const topic = this.#hub.topics.get(place.channel.address)
    if (topic?.channel.kind === 'point-to-point') return topic.durable[0]
    return topic?.durable.find((group) => group.name === place.group)
  }

  #delayed(place: Place): Iterable<Delayed> {
    return this.#hub.topics.get(place.channel.address)?.delayed ?? []
  }

  #find(place: Place, position: string): { group: Group; shard: Shard; entry: Entry } | undefined {
    const group = this.#group(place)
    for (const shard of group?.shards ?? []) {
      for (const entry of shard.stored(place.parked === true))
        if (group !== undefined && String(entry.seq) === position) return { group, shard, entry }
    }
    return undefined
  }
}

function depthOf(topic: Topic, group: Group): Depth {
  let waiting = 0
  let parked = 0
  let oldest: number | undefined
  const owners: Record<string, number> = {}
  const shards: Record<string, string> = {}
  for (const member of group.members) owners[member.id] = 0
  const wait = (message: Message): void => {
    waiting++
    if (oldest === undefined || message.time < oldest) oldest = message.time
  }
  for (const shard of group.shards) {
    if (shard.owner !== undefined) {
      owners[shard.owner.id] = (owners[shard.owner.id] ?? 0) + 1
      shards[shard.name] = shard.owner.id
    }
    for (const entry of shard.stored(false)) wait(entry.message)
    for (const _ of shard.stored(true)) parked++
  }
  for (const delayed of topic.delayed) if (delayed.groups.includes(group)) wait(delayed.message)
  return { channel: topic.channel, ...(group.name !== undefined && { group: group.name }), waiting, parked, oldest, owners, shards }
}
