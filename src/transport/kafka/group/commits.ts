import { systemRuntime } from '../../../runtime/system.ts'
import type { Place } from '../../shared/cursor.ts'
import { type Cluster, pause } from '../link/cluster.ts'
import { codes, KafkaFault } from '../protocol/codes.ts'
import { offsetCommit } from '../protocol/protocol.ts'
import type { Membership } from './membership.ts'
import { readRanges, writeRanges } from './ranges.ts'

/** Kafka keeps at most 4,096 bytes beside an offset, unless told otherwise. */
const mostText = 4000

/** What was settled above the floor, as text beside the committed offset. The latest are left out where they are too many: they come again. */
export const writeDone = ({ floor, done }: Place, most = mostText): { readonly text: string; readonly whole: boolean } =>
  writeRanges('done', floor, done, most)

export function readDone(floor: number, text: string): number[] {
  const [done = ''] = text.split('|', 1)
  return done.startsWith('done ') ? readRanges(floor, done.slice(4)) : []
}

/** How far a partition is, and what its owner says beside it. */
export interface Noted extends Place {
  readonly beside: string
  /** Its owner lost the partition since. */
  readonly stale: () => boolean
}

/** What is asked of the membership. */
export type Holder = Pick<Membership, 'generation' | 'member' | 'alive' | 'holds' | 'change'>

/**
 * Commits of one group member: one at a time, all partitions together, always the newest. Two commits that are under way
 * at once may land in the wrong order and rewind the group.
 */
export class Commits {
  readonly #cluster: Cluster
  readonly #membership: Holder
  readonly #topic: string
  readonly #group: string
  #gather: number
  #wanted = new Map<number, Noted>()
  #running: Promise<void> | undefined
  #soon = (): void => undefined

  /** `gather`: milliseconds by which a commit may be late, so that it takes the next ones with it. */
  constructor(cluster: Cluster, membership: Holder, topic: string, group: string, gather = 0) {
    this.#cluster = cluster
    this.#membership = membership
    this.#topic = topic
    this.#group = group
    this.#gather = gather
  }

  /** From now on none is late. */
  hurry(): void {
    this.#gather = 0
    this.#soon()
  }

  /** Resolves when it is written, or when the partition is lost. */
  async add(partition: number, place: Noted): Promise<void> {
    this.#wanted.set(partition, place)
    this.#running ??= this.#gathered().then(() => this.#run())
    while (this.#running !== undefined && this.#wanted.get(partition) === place) await this.#running
    if (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    const places = this.#wanted
    this.#wanted = new Map()
    await this.#write(places)
    this.#running = undefined
    if (this.#wanted.size > 0) this.#running = this.#gathered().then(() => this.#run())
  }

  #gathered(): Promise<void> {
    if (this.#gather === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = systemRuntime.timer(this.#gather, resolve)
      this.#soon = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  async #write(places: Map<number, Noted>): Promise<void> {
    const membership = this.#membership
    for (let tries = 0; ; tries++) {
      for (const [partition, { stale }] of places) if (!membership.holds(partition) || stale()) places.delete(partition)
      if (places.size === 0) return
      // Whether it still holds them is found out: it is a member again, or loses all.
      if (!membership.alive) {
        await Promise.race([membership.change(), pause(100)])
        continue
      }
      const { generation, member } = membership
      const commits = Array.from(places, ([partition, place]) => ({
        partition,
        offset: place.floor,
        metadata: textOf(place),
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

function textOf(place: Noted): string {
  const done = writeDone(place, mostText - place.beside.length - 1).text
  return place.beside === '' ? done : `${done}|${place.beside}`
}
