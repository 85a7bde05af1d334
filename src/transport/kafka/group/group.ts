import { systemRuntime } from '../../../runtime/system.ts'
import type { Receive, Sender, SubscribeOptions, Subscription } from '../../seam.ts'
import { Bounds } from '../../shared/bounds.ts'
import { Cursor } from '../../shared/cursor.ts'
import { OwnedShard } from '../../shared/owned-shard.ts'
import { volatileParks } from '../../shared/transient.ts'
import { type Cluster, pause } from '../link/cluster.ts'
import { codeOf, codes } from '../protocol/codes.ts'
import { own } from '../protocol/envelope.ts'
import { offsetFetch } from '../protocol/protocol.ts'
import { Fetcher, type FetcherOptions } from '../read/fetcher.ts'
import { partitionLog, readAll } from '../read/reading.ts'
import type { Assignment } from './assignor.ts'
import { Commits, readDone, writeDone } from './commits.ts'
import { type Left, Losses, readLeft, Suspects } from './losses.ts'
import { Membership } from './membership.ts'
import { changeIn, cursorKey, donePrefix, type Loaded, loadedFrom, parkStore, type Write } from './parked.ts'

/** What a member of a group needs of its transport. */
export interface Surroundings {
  readonly cluster: Cluster
  readonly fetching: FetcherOptions
  readonly sessionTimeout: number
  /** This transport, in what it writes beside messages. */
  readonly instance: string
  readonly write: Write
  /** Something that people should know and that stops nothing. */
  readonly warn: (text: string) => void
}

export interface GroupPlace {
  readonly topic: string
  readonly group: string
  /** Absent for transient messages, which are never parked. */
  readonly parks: string | undefined
}

interface Holding {
  readonly generation: number
  /** It is to go, also where it has not begun. */
  over: boolean
  /** It is gone: nothing of it may be written any more. */
  lost: boolean
  owned: Owned | undefined
}

interface Owned {
  readonly shard: OwnedShard
  readonly cursor: Cursor
  readonly losses: Losses | undefined
  /** Ends the reading of its parking lot. */
  unwatch: () => void
}

const idleFor = 2000
/** A commit beside each answer would take the broker's time from the next question; where a dead owner of questions was matters little. */
const transientCommits = 50

/** A member of a group: owns partitions, each as a shard with its parking lot. */
export class GroupMember implements Subscription {
  readonly #s: Surroundings
  readonly #place: GroupPlace
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #sender: Sender
  readonly #bounds: Bounds
  readonly #membership: Membership
  readonly #commits: Commits
  readonly #fetcher: Fetcher
  readonly #holdings = new Map<number, Holding>()
  readonly #suspects = new Suspects()
  #taking: Promise<void> = Promise.resolve()
  #joined: Promise<void>
  #stopped = false
  #closing: Promise<void> | undefined
  #idle = false
  #told = false
  #said = ''

  constructor(surroundings: Surroundings, place: GroupPlace, options: SubscribeOptions, receive: Receive, sender: Sender) {
    this.#s = surroundings
    this.#place = place
    this.#options = options
    this.#receive = receive
    this.#sender = sender
    this.#bounds = new Bounds(options)
    const { cluster, sessionTimeout } = surroundings
    let joined = (): void => undefined
    this.#joined = new Promise((resolve) => {
      joined = resolve
    })
    this.#membership = new Membership({
      cluster,
      group: place.group,
      topic: place.topic,
      sessionTimeout,
      assigned: (assignment, generation) => {
        this.#assigned(assignment, generation)
        this.#taking.then(joined, joined)
      },
      lost: () => this.#lose(),
      troubled: surroundings.fetching.troubled,
      refused: (error) => this.#refused(error),
    })
    this.#commits = new Commits(cluster, this.#membership, place.topic, place.group, place.parks === undefined ? transientCommits : 0)
    this.#fetcher = new Fetcher(cluster, surroundings.fetching)
  }

  /** `wait`: until it is a member with all that it was given at first. */
  async start(wait: boolean): Promise<void> {
    this.#membership.start()
    if (wait) await Promise.race([this.#joined, pause(this.#s.sessionTimeout * 2)])
  }

  #refused(error: Error): void {
    if (this.#said === error.message) return
    this.#said = error.message
    const why =
      codeOf(error) === codes.INCONSISTENT_GROUP_PROTOCOL ? 'it has members that are not Pabal’s, or of another version' : error.message
    this.#s.warn(`the group ${this.#place.group} does not take this member: ${why}`)
  }

  #assigned({ partitions, members }: Assignment, generation: number): void {
    const mine = new Set(partitions)
    for (const [partition, holding] of this.#holdings) if (!mine.has(partition) && !holding.over) void this.#giveUp(partition, holding)
    const fresh = partitions.filter((partition) => !this.#holdings.has(partition))
    for (const partition of fresh) this.#holdings.set(partition, { generation, over: false, lost: false, owned: undefined })
    if (fresh.length > 0) this.#taking = this.#taking.then(() => this.#takeAll(fresh))
    const idle = members > this.#count
    this.#idle = idle && partitions.length === 0
    // While partitions change hands nobody has them.
    if (this.#idle)
      systemRuntime.timer(
        idleFor,
        () => {
          if (!this.#idle || this.#told || this.#stopped) return
          this.#told = true
          this.#s.warn(
            `a member of the group ${this.#place.group} is idle: there are ${members} members for the ${this.#count} partitions of ${this.#place.topic}`,
          )
        },
        true,
      )
  }

  get #count(): number {
    return this.#s.cluster.topic(this.#place.topic)?.leaders.length ?? Number.POSITIVE_INFINITY
  }

  /** Tried again as long as the partitions are this member's: only the group's leader can give them to another. */
  async #takeAll(partitions: readonly number[]): Promise<void> {
    const holdings = new Map<number, Holding>()
    for (const partition of partitions) {
      const holding = this.#holdings.get(partition)
      if (holding !== undefined) holdings.set(partition, holding)
    }
    const open = () => new Map([...holdings].filter(([, { owned, over }]) => owned === undefined && !over))
    for (let mine = open(); mine.size > 0 && !this.#stopped; mine = open()) {
      try {
        await this.#take(mine)
      } catch (error) {
        this.#s.fetching.troubled(error)
        await pause(200)
      }
    }
  }

  async #take(holdings: ReadonlyMap<number, Holding>): Promise<void> {
    const partitions = [...holdings.keys()]
    const { cluster, fetching } = this.#s
    const { topic, parks, group } = this.#place
    const [committed, parked, ends, starts] = await Promise.all([
      cluster.coordinated(group, offsetFetch, { group, topic, partitions }, (answer) => answer.code),
      parks === undefined ? undefined : readAll(cluster, parks, partitions, fetching.decompress),
      cluster.offsets(topic, partitions),
      cluster.offsets(topic, partitions, -2),
    ])
    const places = new Map(committed.topics.flatMap((one) => one.partitions).map((one) => [one.partition, one]))
    await Promise.all(
      [...holdings].map(async ([partition, holding], index) => {
        const there = parked?.get(partition)
        const loaded = there === undefined || parks === undefined ? undefined : loadedFrom(there.records, there.end, parks, partition)
        const start = starts[index] ?? 0
        const end = ends[index] ?? 0
        const place = places.get(partition)
        let floor = place !== undefined && place.offset >= 0 ? place.offset : (loaded?.cursor?.floor ?? start)
        const anew = floor > end
        if (anew) {
          this.#s.warn(
            `${topic}/${partition} ends at ${end}, and the group ${group} was at ${floor}: the topic was made anew, so it is read from its beginning`,
          )
          floor = start
        }
        const done = new Set(place === undefined || anew ? [] : readDone(place.offset, place.metadata))
        if (loaded?.cursor !== undefined && loaded.cursor.floor <= floor) for (const position of loaded.cursor.done) done.add(position)
        if (!anew) for (const position of loaded?.done ?? []) done.add(position)
        await this.#own(
          partition,
          holding,
          floor,
          [...done].filter((position) => position >= floor),
          loaded,
          readLeft(place?.offset ?? 0, place?.metadata ?? ''),
          floor < end,
        )
      }),
    )
  }

  async #own(
    partition: number,
    holding: Holding,
    floor: number,
    done: readonly number[],
    loaded: Loaded | undefined,
    left: Left,
    behind: boolean,
  ): Promise<void> {
    // What was read for it counts for no later holding of the same partition.
    if (holding.over || this.#stopped) return
    const { topic, parks } = this.#place
    const { instance, write } = this.#s
    const losses = parks === undefined ? undefined : new Losses(left, behind, this.#suspects)
    const cursor = new Cursor(
      { floor, done },
      async (place) => {
        const beside = losses?.write(place.floor)
        await this.#commits.add(partition, { ...place, beside: beside?.text ?? '', stale: () => holding.lost })
        beside?.written()
      },
      () => undefined,
    )
    if (losses !== undefined) losses.touch = () => cursor.touch()
    // Whoever finds it so knows that this owner died.
    if (losses !== undefined && behind) {
      cursor.touch()
      await cursor.flush()
      if (holding.over || this.#stopped) return
    }
    const shard = new OwnedShard({
      shard: String(partition),
      fence: holding.generation,
      receive: this.#receive,
      options: this.#options,
      bounds: this.#bounds,
      sender: this.#sender,
      log: partitionLog(
        this.#fetcher,
        topic,
        partition,
        (from, start) =>
          this.#s.warn(
            `${start - from} messages of ${topic}/${partition} were deleted before the group ${this.#place.group} had read them`,
          ),
        () => this.#takeAnew(partition, holding),
      ),
      parks: parks === undefined || loaded === undefined ? volatileParks() : parkStore(parks, partition, instance, loaded.entries, write),
      cursor,
      losses,
      runtime: systemRuntime,
      owned: () => !holding.lost && this.#membership.alive && this.#membership.holds(partition),
      released: () => this.#membership.refuse(partition),
      bufferMessages: Math.max(200, Math.min(this.#options.maxMessages * 2, 5000)),
      // Half an answer of the fetcher: where handlers stand still hardly more than one waits for each partition.
      bufferBytes: 128 * 1024,
    })
    const owned: Owned = { shard, cursor, losses, unwatch: () => undefined }
    holding.owned = owned
    await shard.start((error) => this.#unreadable(partition, error))
    if (parks === undefined || loaded === undefined || holding.over) return
    owned.unwatch = this.#watch(parks, partition, loaded.end, shard)
    for (const position of loaded.done) if (position < floor) void this.#remove(parks, partition, `${donePrefix}${position}`)
  }

  /** The log ends before what was read of it. What is known of it counts no more, as where a new owner finds it so. */
  #takeAnew(partition: number, holding: Holding): void {
    if (holding.over || this.#stopped) return
    this.#drop([holding])
    this.#holdings.set(partition, { generation: holding.generation, over: false, lost: false, owned: undefined })
    this.#taking = this.#taking.then(() => this.#takeAll([partition]))
  }

  #unreadable(partition: number, error: unknown): void {
    const code = codeOf(error)
    const why = code === codes.TOPIC_AUTHORIZATION_FAILED ? 'reading it is not permitted' : (error as Error).message
    this.#s.warn(`${this.#place.topic}/${partition} cannot be read: ${why}`)
  }

  /** What people do to parked messages comes through the parking lot's own topic. */
  #watch(parks: string, partition: number, from: number, shard: OwnedShard): () => void {
    return this.#fetcher.read(parks, partition, from, {
      take: (records) => {
        for (const record of records) {
          const change = changeIn(record, parks, partition)
          if (change === undefined || change.what === 'cursor' || change.by === this.#s.instance) continue
          if (change.what === 'done') shard.discarded(change.offset)
          // It was settled meanwhile: the change must not bring it back for the next owner.
          else if (change.amends && !shard.isParked(change.key)) void this.#remove(parks, partition, change.key)
          else shard.lotChanged(change.key, change.entry)
        }
      },
      full: () => false,
      failed: () => undefined,
    })
  }

  #remove(parks: string, partition: number, key: string): Promise<void> {
    const { instance, write } = this.#s
    return write(parks, partition, key, undefined, { [own.park]: JSON.stringify({ by: instance }) }).catch(() => undefined)
  }

  async #giveUp(partition: number, holding: Holding): Promise<void> {
    holding.over = true
    holding.owned?.shard.stop(!this.#stopped)
    await this.#taking
    await this.#end(partition, holding)
    if (this.#holdings.get(partition) === holding) {
      this.#holdings.delete(partition)
      this.#membership.letGo(partition)
    }
  }

  async #end(partition: number, holding: Holding): Promise<void> {
    const { owned } = holding
    if (owned === undefined) return
    const { shard, cursor, losses, unwatch } = owned
    const { parks } = this.#place
    unwatch()
    await shard.drained()
    if (losses !== undefined) {
      losses.close()
      cursor.touch()
    }
    await shard.end()
    if (parks === undefined || !this.#membership.alive || !this.#membership.holds(partition)) return
    const { floor, done } = cursor.place
    // What a commit has no room for; and for a group whose commits the broker forgets, as it does with one that nobody joins for a week.
    const value = Buffer.from(JSON.stringify({ floor, done }))
    if (floor > 0 || !writeDone(cursor.place).whole)
      await this.#s.write(parks, partition, cursorKey, undefined, {}, value).catch(() => undefined)
  }

  #lose(): void {
    const all = [...this.#holdings.values()]
    this.#holdings.clear()
    this.#drop(all)
  }

  /** Nothing of them may be handed out or written any more. */
  #drop(all: readonly Holding[]): void {
    for (const holding of all) {
      holding.over = true
      holding.lost = true
    }
    // None hands out any more before one lets go: another would take what that leaves.
    for (const { owned } of all) owned?.shard.stop(false)
    for (const { owned } of all) owned?.shard.lose()
    for (const { owned } of all) {
      owned?.losses?.close()
      owned?.unwatch()
      void owned?.shard.end()
    }
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#commits.hurry()
    for (const { owned } of this.#holdings.values()) owned?.shard.stop(false)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      // What was settled just now is being written by then.
      await pause(0)
      await this.#taking
      for (const { owned } of this.#holdings.values()) owned?.shard.giveBack()
      await Promise.all([...this.#holdings].map(([partition, holding]) => this.#end(partition, holding)))
      await this.#membership.close()
      await this.#fetcher.close()
    })()
    return this.#closing
  }
}
