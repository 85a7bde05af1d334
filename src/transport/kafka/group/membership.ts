import { systemRuntime } from '../../../runtime/system.ts'
import { backoff, type Cluster } from '../link/cluster.ts'
import type { Link } from '../link/link.ts'
import { codes, isPassing, KafkaFault, LinkFault } from '../protocol/codes.ts'
import { heartbeat, joinGroup, leaveGroup, syncGroup } from '../protocol/protocol.ts'
import { type Assignment, protocolName, readAssignment, readClaim, share, writeAssignment, writeClaim } from './assignor.ts'

export interface MembershipOptions {
  readonly cluster: Cluster
  readonly group: string
  readonly topic: string
  readonly sessionTimeout: number
  /** This member has these partitions now. Those that it held and are not named must be drained, then `letGo` is called. */
  readonly assigned: (assignment: Assignment, generation: number) => void
  /** It was thrown out, or was silent for too long: whatever it held may be with others. */
  readonly lost: () => void
  readonly troubled: (error: unknown) => void
  /** The group does not take this member, and will not by itself. It keeps trying. */
  readonly refused: (error: Error) => void
}

/** Told to the group for a while after the last delivery of a partition was given back. */
const refusalLasts = 20_000
/** Between two offers of what was given back. */
const offerEvery = 700

/**
 * A member of a consumer group, by Kafka's classic protocol. Handover is cooperative: members go on with what they hold while the
 * group rebalances; what is to move is drained first, and given to its next owner in a second round.
 */
export class Membership {
  readonly #o: MembershipOptions
  readonly #owned = new Set<number>()
  readonly #refused = new Map<number, number>()
  #generation = -1
  #member = ''
  #members = 0
  /** When the last sign that the group took was sent, on the monotonic clock. */
  #beat = Number.NEGATIVE_INFINITY
  #joining = false
  #wants = false
  #lastOffer = Number.NEGATIVE_INFINITY
  #closed = false
  #link: Link | undefined
  #node = -1
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined
  #changed: (() => void)[] = []

  constructor(options: MembershipOptions) {
    this.#o = options
  }

  get generation(): number {
    return this.#generation
  }

  get member(): string {
    return this.#member
  }

  /** False where others may have taken over what this member held. */
  get alive(): boolean {
    return systemRuntime.monotonic() - this.#beat < this.#o.sessionTimeout
  }

  holds(partition: number): boolean {
    return this.#owned.has(partition)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves when the group has said something new. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve))
  }

  /** What was taken away is drained and written. */
  letGo(partition: number): void {
    if (this.#owned.delete(partition)) this.#again()
  }

  /** A delivery of this partition was given back: others may have it, where there are any. */
  refuse(partition: number): void {
    const now = systemRuntime.monotonic()
    const known = this.#refused.has(partition)
    this.#refused.set(partition, now + refusalLasts)
    if (known || this.#members < 2 || !this.#owned.has(partition)) return
    const wait = Math.max(0, this.#lastOffer + offerEvery - now)
    this.#lastOffer = now + wait
    systemRuntime.timer(wait, () => this.#again(), true)
  }

  /** Says so to the group at the next turn; several changes at once are one. */
  #again(): void {
    if (this.#wants || this.#closed) return
    this.#wants = true
    systemRuntime.timer(5, () => this.#wake?.(), true)
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#closed; ) {
      try {
        await this.#join()
        failures = 0
        await this.#beats()
      } catch (error) {
        if (this.#closed) break
        this.#joining = false
        this.#failed(error)
        if (error instanceof KafkaFault && error.code === codes.REBALANCE_IN_PROGRESS) continue
        await this.#sleep(Math.min(1000, backoff(failures++)))
      }
    }
  }

  #failed(error: unknown): void {
    const code = error instanceof KafkaFault ? error.code : undefined
    if (code === codes.UNKNOWN_MEMBER_ID || code === codes.ILLEGAL_GENERATION) {
      if (code === codes.UNKNOWN_MEMBER_ID) this.#member = ''
      this.#loseAll()
      return
    }
    if (code === codes.REBALANCE_IN_PROGRESS) return
    // A coordinator that moves is found again; the membership itself goes with the group.
    if (error instanceof LinkFault || (code !== undefined && isPassing(code))) {
      this.#o.cluster.forgetCoordinator(this.#o.group)
      void this.#link?.close()
      this.#link = undefined
    }
    if (!this.alive && this.#owned.size > 0) this.#loseAll()
    this.#o.troubled(error)
    if (error instanceof KafkaFault && !isPassing(error.code)) this.#o.refused(error)
  }

  #loseAll(): void {
    this.#beat = Number.NEGATIVE_INFINITY
    this.#owned.clear()
    this.#generation = -1
    this.#o.lost()
    this.#tell()
  }

  async #join(): Promise<void> {
    const { group, topic, sessionTimeout } = this.#o
    const link = await this.#coordinator()
    this.#wants = false
    this.#joining = true
    const ticking = this.#tick()
    const now = systemRuntime.monotonic()
    for (const [partition, until] of this.#refused) if (until < now) this.#refused.delete(partition)
    const metadata = writeClaim(topic, [...this.#owned], [...this.#refused.keys()])
    const ask = { group, session: sessionTimeout, rebalance: sessionTimeout, member: this.#member, protocol: protocolName, metadata }
    const joined = await link.call(joinGroup, ask).finally(() => {
      this.#joining = false
      ticking()
    })
    if (joined.code !== 0) throw new KafkaFault(joined.code, `joining the group ${group}`)
    const asked = systemRuntime.monotonic()
    this.#member = joined.member
    this.#generation = joined.generation
    const assignments = joined.leader === joined.member ? await this.#share(joined.members) : []
    const synced = await link.call(syncGroup, { group, generation: joined.generation, member: joined.member, assignments })
    if (synced.code !== 0) throw new KafkaFault(synced.code, `joining the group ${group}`)
    if (this.#closed) return
    this.#beat = asked
    const assignment = readAssignment(synced.assignment)
    this.#members = assignment.members
    for (const partition of assignment.partitions) this.#owned.add(partition)
    this.#o.assigned(assignment, joined.generation)
    this.#tell()
  }

  async #share(members: readonly { readonly member: string; readonly metadata: Buffer }[]): Promise<{ member: string; bytes: Buffer }[]> {
    const { cluster, topic } = this.#o
    await cluster.refresh([topic])
    const partitions = cluster.topic(topic)?.leaders.length
    // A broker that has just begun may not know it yet: nobody would have anything until the group's next change.
    if (partitions === undefined) throw new KafkaFault(codes.UNKNOWN_TOPIC_OR_PARTITION, `sharing the partitions of ${topic}`)
    const claims = members.map(({ member, metadata }) => readClaim(member, metadata))
    return Array.from(share(claims, partitions), ([member, mine]) => ({
      member,
      bytes: writeAssignment(topic, { partitions: mine, members: members.length }),
    }))
  }

  /** Until there is a reason to join again. */
  async #beats(): Promise<void> {
    const { group, sessionTimeout } = this.#o
    const interval = Math.max(50, sessionTimeout / 20)
    while (!this.#closed) {
      if (!this.#wants) await this.#sleep(interval)
      if (this.#closed || this.#wants) return
      const link = await this.#coordinator()
      const asked = systemRuntime.monotonic()
      const { code } = await link.call(heartbeat, { group, generation: this.#generation, member: this.#member })
      if (code !== 0) throw new KafkaFault(code, `the group ${group}`)
      this.#beat = asked
    }
  }

  /** A join may wait for others, and the group waits for nobody who has joined; a process that stood still meanwhile may have been. */
  #tick(): () => void {
    let last = systemRuntime.monotonic()
    let timer: { cancel(): void } | undefined
    const { sessionTimeout } = this.#o
    const again = (): void => {
      timer = systemRuntime.timer(
        sessionTimeout / 20,
        () => {
          const now = systemRuntime.monotonic()
          if (this.#joining && this.alive && now - last < sessionTimeout / 3) this.#beat = now
          last = now
          if (this.#joining) again()
        },
        true,
      )
    }
    again()
    return () => timer?.cancel()
  }

  async #coordinator(): Promise<Link> {
    const { cluster, group, sessionTimeout } = this.#o
    const node = await cluster.coordinator(group)
    if (this.#link === undefined || this.#node !== node) {
      void this.#link?.close()
      this.#node = node
      this.#link = cluster.private(node, { requestTimeout: sessionTimeout * 2 + 5000 })
    }
    return this.#link
  }

  #sleep(ms: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = systemRuntime.timer(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    }).then(() => {
      this.#wake = undefined
    })
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }

  /** Leaves the group at once, so that others need not wait for the session's end. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#wake?.()
    this.#tell()
    const link = this.#link
    this.#link = undefined
    if (this.#member !== '') {
      const ask = { group: this.#o.group, member: this.#member }
      // A join may be under way on the connection, and it answers in turn: leave on the one that all share.
      await this.#o.cluster
        .coordinator(this.#o.group)
        .then((node) => this.#o.cluster.shared(node).call(leaveGroup, ask))
        .catch(() => undefined)
    }
    await link?.close()
    await this.#running?.catch(() => undefined)
    this.#owned.clear()
  }
}
