import type { Place } from '../shared/cursor.ts'
import { type Cluster, pause } from './cluster.ts'
import { codes, KafkaFault } from './codes.ts'
import type { Membership } from './membership.ts'
import { offsetCommit } from './protocol.ts'

/** Kafka keeps at most 4,096 bytes beside an offset, unless told otherwise. */
const mostText = 4000

/**
 * What was settled above the floor, as text beside the committed offset: ranges, counted from the floor, each from the one before.
 * The latest are left out where they are too many: they come again.
 */
export function writeDone({ floor, done }: Place): { readonly text: string; readonly whole: boolean } {
  if (done.length === 0) return { text: '', whole: true }
  const sorted = done.filter((position) => position >= floor).sort((a, b) => a - b)
  let text = 'done'
  let last = floor
  for (let i = 0; i < sorted.length; ) {
    const from = sorted[i] as number
    let to = from
    while (i < sorted.length && (sorted[i] as number) <= to + 1) to = sorted[i++] as number
    const range = ` ${(from - last).toString(36)}${to > from ? `+${(to - from).toString(36)}` : ''}`
    if (text.length + range.length > mostText) return { text, whole: false }
    text += range
    last = to
  }
  return { text, whole: true }
}

export function readDone(floor: number, text: string): number[] {
  if (!text.startsWith('done ')) return []
  const done: number[] = []
  let last = floor
  for (const range of text.slice(5).split(' ')) {
    const [skip = '', more = '0'] = range.split('+')
    const from = last + Number.parseInt(skip, 36)
    last = from + Number.parseInt(more, 36)
    if (!Number.isSafeInteger(last) || last - from > 1_000_000) return done
    for (let position = from; position <= last; position++) done.push(position)
  }
  return done
}

/**
 * Commits of one group member: one at a time, all partitions together, always the newest. Two commits that are under way
 * at once may land in the wrong order and rewind the group.
 */
export class Commits {
  readonly #cluster: Cluster
  readonly #membership: Membership
  readonly #topic: string
  readonly #group: string
  #wanted = new Map<number, Place>()
  #running: Promise<void> | undefined

  constructor(cluster: Cluster, membership: Membership, topic: string, group: string) {
    this.#cluster = cluster
    this.#membership = membership
    this.#topic = topic
    this.#group = group
  }

  /** Resolves when it is written, or when the partition is lost. */
  async add(partition: number, place: Place): Promise<void> {
    this.#wanted.set(partition, place)
    this.#running ??= Promise.resolve().then(() => this.#run())
    while (this.#running !== undefined && this.#wanted.get(partition) === place) await this.#running
    if (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    const places = this.#wanted
    this.#wanted = new Map()
    await this.#write(places)
    this.#running = undefined
    if (this.#wanted.size > 0) this.#running = Promise.resolve().then(() => this.#run())
  }

  async #write(places: Map<number, Place>): Promise<void> {
    const membership = this.#membership
    for (let tries = 0; ; tries++) {
      for (const partition of places.keys()) if (!membership.holds(partition) || !membership.alive) places.delete(partition)
      if (places.size === 0) return
      const { generation, member } = membership
      const commits = Array.from(places, ([partition, place]) => ({
        partition,
        offset: place.floor,
        metadata: writeDone(place).text,
      }))
      try {
        const ask = { group: this.#group, generation, member, topic: this.#topic, commits }
        const answers = await this.#cluster.shared(await this.#cluster.coordinator(this.#group)).call(offsetCommit, ask)
        const bad = answers.flat().find(({ code }) => code !== 0)
        if (bad === undefined) return
        throw new KafkaFault(bad.code, `the position of ${this.#group}`)
      } catch (error) {
        const code = error instanceof KafkaFault ? error.code : undefined
        // A new generation may be on its way, in which this member holds the same partitions, or is thrown out.
        if (code === codes.ILLEGAL_GENERATION || code === codes.REBALANCE_IN_PROGRESS || code === codes.UNKNOWN_MEMBER_ID) {
          await Promise.race([membership.change(), pause(100)])
          continue
        }
        this.#cluster.forgetCoordinator(this.#group)
        await pause(Math.min(500, 50 * (tries + 1)))
      }
    }
  }
}
