import type { Channel } from '../../../channel/channel.ts'
import type { Message } from '../../../message/message.ts'
import type { Admin, Depth, ParkNote, Place, Stored } from '../../seam.ts'
import type { Entry } from '../../shared/entry.ts'
import { type PartitionState, type Reading, settleFor, stateOf } from '../group/ledger.ts'
import { besideOf, type Write } from '../group/parked.ts'
import type { Cluster } from '../link/cluster.ts'
import { messageIn, own } from '../protocol/envelope.ts'
import { partitionOf } from '../protocol/murmur2.ts'
import type { Decompress } from '../protocol/records.ts'
import { readSome } from '../read/reading.ts'
import type { Names } from '../topics/names.ts'
import type { Topics } from '../topics/topics.ts'
import { type Delayed, delayedOf } from './delayed.ts'
import { Overview } from './overview.ts'

export interface AdminOptions {
  readonly cluster: Cluster
  readonly names: Names
  readonly topics: Topics
  readonly decompress: Decompress
  readonly write: Write
  /** Who writes, in the marks: not the transport itself, which may own the partition. */
  readonly by: string
}

/** What a person does to messages that wait. The owner of a partition learns of it from the parking lot's topic. */
export class KafkaAdmin implements Admin {
  readonly #o: AdminOptions
  /** One change after the other, since each builds on what it read. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: AdminOptions) {
    this.#o = options
  }

  depths(): Promise<readonly Depth[]> {
    const { cluster, names, decompress } = this.#o
    return new Overview(cluster, names, decompress).depths()
  }

  async browse(
    place: Place,
    { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly Stored[]> {
    const reading = await this.#reading(place)
    if (reading === undefined) return []
    const { cluster, decompress } = this.#o
    const states = await stateOf(cluster, reading, decompress)
    if (place.parked === true) {
      const all = states.flatMap(({ partition, entries }) => parkedOf(partition, entries))
      const from = after === undefined ? 0 : all.findIndex(({ position }) => position === after) + 1
      return after !== undefined && from === 0 ? [] : all.slice(from, from + limit)
    }
    const found: Stored[] = []
    const begin = after === undefined ? undefined : positionOf(after)
    if (begin === undefined || !begin.delayed)
      for (const state of states) {
        if (begin !== undefined && state.partition < begin.partition) continue
        let at = begin !== undefined && state.partition === begin.partition ? Math.max(state.floor, begin.offset + 1) : state.floor
        while (at < state.end && found.length < limit) {
          const { records, next } = await readSome(cluster, reading.topic, state.partition, at, decompress)
          for (const record of records) {
            if (record.offset >= state.end || state.done.has(record.offset) || found.length === limit) continue
            found.push({
              position: `${state.partition}:${record.offset}`,
              message: messageIn(record, reading.topic, state.partition),
            })
          }
          if (next <= at) break
          at = next
        }
        if (found.length === limit) return found
      }
    for (const { partition, record, due } of await this.#delayed(place.channel)) {
      if (found.length === limit) break
      const past = begin?.delayed && (partition < begin.partition || (partition === begin.partition && record.offset <= begin.offset))
      if (past) continue
      const message = messageIn(record, reading.topic, partition)
      found.push({ position: `d${partition}:${record.offset}`, message, notBefore: due })
    }
    return found
  }

  amend(place: Place, position: string, note: ParkNote, message?: Message): Promise<boolean> {
    return this.#change(async () => {
      const there = await this.#parkedAt(place, position)
      if (there === undefined) return false
      const { parks, partition, entry } = there
      await this.#o.write(
        parks,
        partition,
        entry.handle as string,
        message ?? entry.message,
        besideOf(entry.position, note, this.#o.by, true),
      )
      return true
    })
  }

  move(from: Place, position: string, to: Place, note: ParkNote, message?: Message): Promise<boolean> {
    return this.#change(async () => {
      const there = await this.#waitingAt(from, position)
      const target = await this.#reading(to)
      if (there === undefined || target === undefined) return false
      const { cluster, topics, names, write, by } = this.#o
      const parks = names.topic(to.channel.address, 'parked', groupOf(to))
      await topics.ensure({ name: parks, kind: 'parked', partitions: target.partitions })
      const moved = message ?? there.message
      const partition = moved.key === undefined ? there.offset % target.partitions : partitionOf(Buffer.from(moved.key), target.partitions)
      const [end = 0] = await cluster.offsets(target.topic, [partition])
      // After all that is there now, and before what comes. It has one name, however often this is tried.
      const key = `moved:${there.reading.topic}/${there.state.partition}/${there.offset}`
      await write(parks, partition, key, moved, besideOf(end - 0.5, note, by))
      await this.#settle(from, there)
      return true
    })
  }

  discard(place: Place, position: string): Promise<boolean> {
    return this.#change(async () => {
      const { write, by, names } = this.#o
      const tombstone = { [own.park]: JSON.stringify({ by }) }
      if (place.parked === true) {
        const parked = await this.#parkedAt(place, position)
        if (parked === undefined) return false
        await write(parked.parks, parked.partition, parked.entry.handle as string, undefined, tombstone)
        return true
      }
      const { delayed, partition, offset } = positionOf(position) ?? {}
      if (delayed) {
        const found = (await this.#delayed(place.channel)).find((one) => one.partition === partition && one.record.offset === offset)
        if (found === undefined) return false
        const key = (found.record.key as Buffer).toString('utf8')
        await write(names.topic(place.channel.address, 'delayed'), found.partition, key, undefined, tombstone)
        return true
      }
      const there = await this.#waitingAt(place, position)
      if (there === undefined) return false
      await this.#settle(place, there)
      return true
    })
  }

  #change(act: () => Promise<boolean>): Promise<boolean> {
    const done = this.#turn.then(act)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #settle(place: Place, { reading, state, offset }: { reading: Reading; state: PartitionState; offset: number }): Promise<void> {
    const { cluster, write, by, names, topics } = this.#o
    let { parks } = reading
    // There where the group has members, since they have made it.
    if (parks === undefined) {
      const name = names.topic(place.channel.address, 'parked', groupOf(place))
      if (topics.mode === 'create') await topics.ensure({ name, kind: 'parked', partitions: reading.partitions })
      parks = name
    }
    await settleFor(cluster, { ...reading, parks }, state, offset, write, { [own.park]: JSON.stringify({ by }) })
  }

  async #reading(place: Place): Promise<Reading | undefined> {
    const { cluster, names } = this.#o
    const { channel } = place
    const group = groupOf(place)
    const topic = names.topic(channel.address)
    const parks = names.topic(channel.address, 'parked', group)
    await cluster.refresh([topic, parks])
    const partitions = cluster.topic(topic)?.leaders.length
    if (partitions === undefined) return undefined
    return {
      topic,
      group: names.group(channel, 'durable', group),
      parks: cluster.topic(parks) === undefined ? undefined : parks,
      partitions,
    }
  }

  async #parkedAt(place: Place, position: string): Promise<{ parks: string; partition: number; entry: Entry } | undefined> {
    const reading = await this.#reading(place)
    if (reading?.parks === undefined) return undefined
    for (const { partition, entries } of await stateOf(this.#o.cluster, reading, this.#o.decompress)) {
      const entry = entries.find((one) => `${partition}:${one.handle}` === position)
      if (entry !== undefined) return { parks: reading.parks, partition, entry }
    }
    return undefined
  }

  async #waitingAt(
    place: Place,
    position: string,
  ): Promise<{ reading: Reading; state: PartitionState; offset: number; message: Message } | undefined> {
    const at = positionOf(position)
    const reading = at === undefined || at.delayed ? undefined : await this.#reading(place)
    if (at === undefined || reading === undefined) return undefined
    const { cluster, decompress } = this.#o
    const state = (await stateOf(cluster, reading, decompress))[at.partition]
    const { offset } = at
    if (state === undefined || offset < state.floor || offset >= state.end || state.done.has(offset)) return undefined
    const { records } = await readSome(cluster, reading.topic, at.partition, offset, decompress)
    const record = records.find((one) => one.offset === offset)
    if (record === undefined) return undefined
    return { reading, state, offset, message: messageIn(record, reading.topic, at.partition) }
  }

  #delayed(channel: Channel): Promise<Delayed[]> {
    return delayedOf(this.#o.cluster, this.#o.names.topic(channel.address, 'delayed'), this.#o.decompress)
  }
}

const groupOf = ({ channel, group }: Place): string | undefined => (channel.kind === 'point-to-point' ? undefined : group)

function parkedOf(partition: number, entries: readonly Entry[]): Stored[] {
  return [...entries]
    .sort((a, b) => a.position - b.position)
    .map(({ handle, message, note }) => ({ position: `${partition}:${handle}`, message, note }))
}

function positionOf(text: string): { readonly delayed: boolean; readonly partition: number; readonly offset: number } | undefined {
  const parts = /^(d?)(\d{1,9}):(\d{1,16})$/.exec(text)
  if (parts === null) return undefined
  return { delayed: parts[1] === 'd', partition: Number(parts[2]), offset: Number(parts[3]) }
}
