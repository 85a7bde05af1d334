import { PabalError } from '../../../errors.ts'
import { readFrame } from '../../../message/frame.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import type { MemberRow, Operations, SubscriberRow } from '../protocol.ts'
import type { Database } from './database.ts'
import { type Leases, logOf } from './leases.ts'
import type { Log } from './log.ts'
import type { Marks } from './marks.ts'
import { asBuffer, walk } from './pack.ts'
import type { Parked } from './parked.ts'

interface DeadLease {
  readonly grp: number
  readonly channel: number
  readonly shard: number
  readonly acked: number
  readonly epoch: number
  /** Nothing from there on was handed out. */
  readonly handed: number
  readonly state: string
}

/** The processes on this store, what they subscribe to, and what is done when one is dead. In a transaction of the caller's. */
export class Members {
  readonly #db: Database
  readonly #log: Log
  readonly #leases: Leases
  readonly #parked: Parked
  readonly #marks: Marks

  constructor(db: Database, log: Log, leases: Leases, parked: Parked, marks: Marks) {
    this.#db = db
    this.#log = log
    this.#leases = leases
    this.#parked = parked
    this.#marks = marks
  }

  register(member: string, address: string, pid: number): void {
    this.#db.sql('INSERT OR REPLACE INTO member (id, address, pid) VALUES (?, ?, ?)').run(member, address, pid)
  }

  list(): { members: MemberRow[]; subscribers: SubscriberRow[] } {
    const members = this.#db.sql('SELECT id, address, pid FROM member').all() as unknown as MemberRow[]
    const rows = this.#db.sql('SELECT unit, channel, grp, durable FROM subscriber').all() as unknown as {
      unit: string
      channel: string
      grp: string
      durable: number
    }[]
    return { members, subscribers: rows.map(({ unit, channel, grp, durable }) => ({ unit, channel, group: grp, durable: durable === 1 })) }
  }

  join({ unit, channel, group, durable, ephemeral }: Operations['join']['takes']): { group: number; channel: number } {
    const member = memberOf(unit)
    this.#mustLive(member)
    this.#db
      .sql('INSERT OR IGNORE INTO subscriber (unit, member, channel, grp, durable) VALUES (?, ?, ?, ?, ?)')
      .run(unit, member, channel.address, group, durable ? 1 : 0)
    if (!durable) return { group: 0, channel: 0 }
    const { id } = this.#log.ensure(channel)
    const grp = this.#log.group(id, group, ephemeral ? member : null)
    this.#leases.forgetWanted(grp)
    return { group: grp, channel: id }
  }

  leave({ unit, channel, group, durable, ephemeral }: Operations['leave']['takes']): void {
    this.#db
      .sql('DELETE FROM subscriber WHERE unit = ? AND channel = ? AND grp = ? AND durable = ?')
      .run(unit, channel, group, durable ? 1 : 0)
    if (!durable) return
    const row = this.#db
      .sql('SELECT g.id AS id FROM grp g JOIN channel c ON c.id = g.channel WHERE c.address = ? AND g.name = ?')
      .get(channel, group) as { id: number } | undefined
    if (row === undefined) return
    if (ephemeral) this.#log.dropGroup(row.id)
    else this.#leases.forgetWanted(row.id)
  }

  /**
   * The member is dead or frozen: its shards are free, with a new epoch, and what was in its hands is suspect. False where
   * somebody else has done it.
   */
  bury(member: string): boolean {
    const known = this.#db.sql('DELETE FROM member WHERE id = ?').run(member).changes === 1
    this.#db.sql('DELETE FROM subscriber WHERE member = ?').run(member)
    for (const { id } of this.#db.sql('SELECT id FROM grp WHERE member = ?').all(member) as { id: number }[]) this.#log.dropGroup(id)
    const leases = this.#db
      .sql(
        'SELECT l.grp, g.channel, c.next, l.shard, l.epoch, l.acked, l.handed, l.state FROM lease l JOIN grp g ON g.id = l.grp JOIN channel c ON c.id = g.channel WHERE l.owner >= ? AND l.owner < ?',
      )
      .all(`${member}/`, `${member}0`)
      .map((row) => this.#withMark(row as unknown as DeadLease & { next: number }))
    if (!known && leases.length === 0) return false
    for (const [key, same] of Map.groupBy(leases, (lease) => `${lease.grp}`)) this.#suspects(Number(key), same)
    return true
  }

  /** Processes of an older version mark in the table. */
  #withMark(lease: DeadLease & { next: number }): DeadLease {
    const { grp, shard, epoch, acked, handed, next } = lease
    return { ...lease, handed: Math.min(next, Math.max(acked, handed, this.#marks.read(grp, shard, epoch))) }
  }

  #suspects(group: number, leases: readonly DeadLease[]): void {
    const now = systemRuntime.now()
    const byShard = new Map(
      leases.map((lease) => [
        lease.shard,
        { ...lease, settled: new Set(logOf(lease.state).settled), held: new Map(logOf(lease.state).held) },
      ]),
    )
    const from = Math.min(...leases.map((lease) => lease.acked))
    const end = Math.max(...leases.map((lease) => lease.handed))
    const { channel } = leases[0] as DeadLease
    for (let at = from; at < end; ) {
      const { segments } = this.#log.read(channel, at, 1)
      const [segment] = segments
      if (segment === undefined) break
      const bytes = asBuffer(segment.bytes)
      let last = segment.first
      walk(bytes, (index, shard, offset, frameEnds) => {
        const pos = segment.first + index
        last = pos
        const lease = byShard.get(shard)
        if (lease === undefined || pos < lease.acked || pos >= lease.handed || lease.settled.has(pos)) return
        const { key } = readFrame(bytes, offset)
        this.#parked.addSuspect(
          group,
          shard,
          pos,
          key ?? null,
          Math.max(now, lease.held.get(pos) ?? 0),
          bytes.subarray(offset, frameEnds),
          !lease.held.has(pos),
        )
      })
      at = last + 1
    }
    for (const { shard, acked, handed } of leases) {
      this.#parked.suspect(group, shard, now)
      this.#db
        .sql(
          "UPDATE lease SET owner = NULL, wanted = NULL, epoch = epoch + 1, acked = ?, handed = ?, state = '' WHERE grp = ? AND shard = ?",
        )
        .run(Math.max(acked, handed), Math.max(acked, handed), group, shard)
    }
    this.#leases.forgetWanted(group)
  }

  /** Whoever was buried must register again before it takes part. */
  #mustLive(member: string): void {
    if (this.#db.sql('SELECT 1 FROM member WHERE id = ?').get(member) === undefined)
      throw new PabalError('FENCED', `this process was taken for dead, its shards went to others`)
  }

  claim({ group, unit, shards }: Operations['claim']['takes']): Operations['claim']['gives'] {
    this.#mustLive(memberOf(unit))
    return this.#leases.claim(group, unit, shards)
  }

  /** A member that closes. Its leases are freed, unless the store refused its last settlements: then it is as good as dead. */
  unregister(member: string): void {
    this.bury(member)
  }
}

export const memberOf = (unit: string): string => unit.slice(0, unit.lastIndexOf('/'))
