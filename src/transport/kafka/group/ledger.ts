import { PabalError } from '../../../errors.ts'
import type { Entry } from '../../shared/entry.ts'
import type { Cluster } from '../link/cluster.ts'
import { codeOf, codes } from '../protocol/codes.ts'
import { offsetCommit, offsetFetch } from '../protocol/protocol.ts'
import type { Decompress } from '../protocol/records.ts'
import { readAll } from '../read/reading.ts'
import { readDone, writeDone } from './commits.ts'
import { donePrefix, loadedFrom, type Write } from './parked.ts'

/** A group's reading of a channel's topic, seen from outside. */
export interface Reading {
  readonly topic: string
  readonly group: string
  /** The parking lot's topic, where there is one. */
  readonly parks: string | undefined
  readonly partitions: number
}

export interface PartitionState {
  readonly partition: number
  /** Everything before it is settled or gone. */
  readonly floor: number
  readonly done: ReadonlySet<number>
  readonly end: number
  readonly entries: readonly Entry[]
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** How far a group is in each partition and what it has parked, read anew. */
export async function stateOf(
  cluster: Cluster,
  { topic, group, parks, partitions }: Reading,
  decompress: Decompress,
): Promise<PartitionState[]> {
  const all = range(partitions)
  const [committed, parked, ends, starts] = await Promise.all([
    cluster.coordinated(group, offsetFetch, { group, topic, partitions: all }, (answer) => answer.code),
    parks === undefined ? undefined : readAll(cluster, parks, range((await cluster.learn(parks))?.leaders.length ?? 0), decompress),
    cluster.offsets(topic, all),
    cluster.offsets(topic, all, -2),
  ])
  const places = new Map(committed.topics.flatMap((one) => one.partitions).map((one) => [one.partition, one]))
  return all.map((partition) => {
    const there = parked?.get(partition)
    const loaded = there === undefined || parks === undefined ? undefined : loadedFrom(there.records, there.end, parks, partition)
    const place = places.get(partition)
    const known = place !== undefined && place.offset >= 0
    const floor = Math.max(known ? place.offset : (loaded?.cursor?.floor ?? 0), starts[partition] ?? 0)
    const done = new Set(known ? readDone(place.offset, place.metadata) : [])
    for (const position of loaded?.cursor?.done ?? []) done.add(position)
    for (const position of loaded?.done ?? []) done.add(position)
    // Parked, and its owner could not say yet that it is done with in the log.
    for (const { position } of loaded?.entries ?? []) done.add(position)
    for (const position of done) if (position < floor || !Number.isInteger(position)) done.delete(position)
    return { partition, floor, done, end: ends[partition] ?? 0, entries: loaded?.entries ?? [] }
  })
}

/**
 * Settles one message of the log for the group, as a person asks. Where the group has no members its position is written; otherwise
 * a mark goes into its parking lot, which the owner of the partition reads.
 */
export async function settleFor(
  cluster: Cluster,
  { topic, group, parks }: Reading,
  { partition, floor, done }: PartitionState,
  offset: number,
  write: Write,
  by: Readonly<Record<string, string>>,
): Promise<void> {
  const all = new Set([...done, offset])
  let next = floor
  while (all.delete(next)) next++
  const { text, whole } = writeDone({ floor: next, done: [...all] })
  if (whole) {
    const commits = [{ partition, offset: next, metadata: text }]
    const ask = { group, generation: -1, member: '', topic, commits }
    try {
      await cluster.coordinated(group, offsetCommit, ask, (answer) => answer.flat().find(({ code }) => code !== 0)?.code ?? 0)
      return
    } catch (error) {
      const code = codeOf(error)
      if (code !== codes.UNKNOWN_MEMBER_ID && code !== codes.ILLEGAL_GENERATION && code !== codes.REBALANCE_IN_PROGRESS) throw error
    }
  }
  if (parks === undefined)
    throw new PabalError(
      'SEND_FAILED',
      `kafka: the group ${group} has members and no parking lot to tell them by: try again when they are gone`,
    )
  await write(parks, partition, `${donePrefix}${offset}`, undefined, by, Buffer.from('1'))
}
