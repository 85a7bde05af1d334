import type { Channel } from '../../../channel/channel.ts'
import { readFrame } from '../../../message/frame.ts'
import type { ParkNote } from '../../seam.ts'
import { type DepthRow, delayedSub, type Operations, type ParkedId, type ShardLog, type StoredRow } from '../protocol.ts'
import type { Database } from './database.ts'
import type { Delayed } from './delayed.ts'
import { logOf, textOf } from './leases.ts'
import { memberOf } from './members.ts'
import { asBuffer, walk } from './pack.ts'
import { noteOf, type Parked } from './parked.ts'

interface GroupRow {
  readonly id: number
  readonly channel: number
}

interface LeaseRow {
  readonly shard: number
  readonly owner: string | null
  readonly epoch: number
  readonly acked: number
  readonly state: string
}

interface Unsettled extends ParkedId {
  readonly frame: Uint8Array
  readonly shard: number
  readonly time: number
}

/** What a person sees and does. `depths` and `browse` read the log as the groups stand in it. */
export class AdminTables {
  readonly #db: Database
  readonly #parked: Parked
  readonly #delayed: Delayed

  constructor(db: Database, parked: Parked, delayed: Delayed) {
    this.#db = db
    this.#parked = parked
    this.#delayed = delayed
  }

  #group(address: string, name: string): GroupRow | undefined {
    return this.#db
      .sql('SELECT g.id AS id, g.channel AS channel FROM grp g JOIN channel c ON c.id = g.channel WHERE c.address = ? AND g.name = ?')
      .get(address, name) as GroupRow | undefined
  }

  depths(): DepthRow[] {
    const groups = this.#db
      .sql(
        'SELECT g.id AS id, g.channel AS channel, g.name AS name, c.address AS address, c.kind AS kind FROM grp g JOIN channel c ON c.id = g.channel ORDER BY c.address, g.name',
      )
      .all() as unknown as (GroupRow & { name: string; address: string; kind: Channel['kind'] })[]
    return groups.map((group) => {
      let waiting = 0
      let oldest: number | null = null
      for (const { time } of this.#unsettled(group, 0)) {
        waiting++
        oldest ??= time
      }
      const { n } = this.#db.sql('SELECT count(*) AS n FROM parked WHERE grp = ?').get(group.id) as { n: number }
      const { owners, shards } = this.#owners(group)
      const [delayed] = this.#delayed.browse(group.channel, 0, 1)
      if (delayed !== undefined) oldest = Math.min(oldest ?? Number.POSITIVE_INFINITY, readFrame(asBuffer(delayed.frame), 0).time)
      return {
        channel: { address: group.address, kind: group.kind },
        group: group.name,
        waiting: waiting + this.#delayed.count(group.channel),
        parked: n,
        oldest,
        owners,
        shards,
      }
    })
  }

  /** A member is called by its process, and by its subscription there: `pid 4711/0`. */
  #owners(group: GroupRow & { address: string; name: string }): Pick<DepthRow, 'owners' | 'shards'> {
    const rows = this.#db
      .sql(
        'SELECT s.unit AS unit, m.pid AS pid FROM subscriber s JOIN member m ON m.id = s.member WHERE s.channel = ? AND s.grp = ? AND s.durable = 1 ORDER BY s.unit',
      )
      .all(group.address, group.name) as unknown as { unit: string; pid: number }[]
    const owners: Record<string, number> = {}
    const names = new Map<string, string>()
    for (const { unit, pid } of rows) {
      const name = `pid ${pid}${unit.slice(unit.lastIndexOf('/'))}`
      // Two apps of one process, or processes in separate containers, may have the same.
      names.set(unit, name in owners ? `${name} (${memberOf(unit).slice(-6)})` : name)
      owners[names.get(unit) as string] = 0
    }
    const shards: Record<string, string> = {}
    for (const { shard, owner } of this.#leases(group.id)) {
      if (owner === null) continue
      const name = names.get(owner) ?? owner
      owners[name] = (owners[name] ?? 0) + 1
      shards[shard] = name
    }
    return { owners, shards }
  }

  #leases(group: number): LeaseRow[] {
    return this.#db.sql('SELECT shard, owner, epoch, acked, state FROM lease WHERE grp = ?').all(group) as unknown as LeaseRow[]
  }

  /** The group's messages in the log that are not settled, from a position on. */
  *#unsettled(group: GroupRow, from: number): Generator<Unsettled> {
    const leases = new Map(
      this.#leases(group.id).map((lease) => [lease.shard, { acked: lease.acked, settled: new Set(logOf(lease.state).settled) }]),
    )
    const parked = this.#db.sql('SELECT 1 FROM parked WHERE grp = ? AND pos = ? AND sub = 0')
    let at = Math.max(from, Math.min(...[...leases.values()].map((lease) => lease.acked)))
    for (;;) {
      const row = this.#db
        .sql('SELECT first, last, time, bytes FROM segment WHERE channel = ? AND last >= ? ORDER BY last LIMIT 1')
        .get(group.channel, at) as { first: number; last: number; time: number; bytes: Uint8Array } | undefined
      if (row === undefined) return
      const found: Unsettled[] = []
      const bytes = asBuffer(row.bytes)
      walk(bytes, (index, shard, offset, end) => {
        const pos = row.first + index
        const lease = leases.get(shard)
        if (pos < at || lease === undefined || pos < lease.acked || lease.settled.has(pos)) return
        if (parked.get(group.id, pos) === undefined) found.push({ pos, sub: 0, shard, time: row.time, frame: bytes.subarray(offset, end) })
      })
      yield* found
      at = row.last + 1
    }
  }

  browse({ channel, group, parked, limit, after }: Operations['browse']['takes']): StoredRow[] {
    const row = this.#group(channel, group)
    if (row === undefined) return []
    const [pos, sub] = after === undefined ? [-1, 0] : positionOf(after)
    if (parked) {
      const rows = this.#db
        .sql('SELECT pos, sub, frame, note FROM parked WHERE grp = ? AND (pos > ? OR pos = ? AND sub > ?) ORDER BY pos, sub LIMIT ?')
        .all(row.id, pos, pos, sub, limit) as unknown as { pos: number; sub: number; frame: Uint8Array; note: string }[]
      return rows.map((found) => ({ ...found, note: noteOf(found.note) }))
    }
    if (sub === delayedSub) return this.#delayed.browse(row.channel, pos, limit)
    const found: StoredRow[] = []
    for (const { pos: at, frame } of this.#unsettled(row, pos + 1)) {
      found.push({ pos: at, sub: 0, frame: Uint8Array.from(frame), note: null })
      if (found.length === limit) return found
    }
    return [...found, ...this.#delayed.browse(row.channel, 0, limit - found.length)]
  }

  amend({ channel, group, pos, sub, note, frame }: Operations['amend']['takes']): boolean {
    const row = this.#group(channel, group)
    return row !== undefined && this.#parked.amend(row.id, { pos, sub }, note, frame)
  }

  /** One step: it is taken from the queue and stands at the end of the lot, or neither. */
  move({ from, pos, to, shard, key, note, frame }: Operations['move']['takes']): boolean {
    const source = this.#group(from.channel, from.group)
    const target = this.#group(to.channel, to.group)
    if (source === undefined || target === undefined) return false
    const found = this.#at(source, pos)
    if (found === undefined || !this.#settle(source, found)) return false
    const { next } = this.#db.sql('SELECT next FROM channel WHERE id = ?').get(target.channel) as { next: number }
    const row = { pos: next, sub: this.#parked.nextSub(target.id, next), key, note: note as ParkNote, frame: frame ?? found.frame }
    this.#parked.put(target.id, shard, 0, row)
    return true
  }

  discard({ channel, group, parked, pos, sub }: Operations['discard']['takes']): boolean {
    const row = this.#group(channel, group)
    if (row === undefined) return false
    if (parked) return this.#parked.remove(row.id, { pos, sub }, true)
    // One copy waits for all groups of a channel, so that only the owner's can be taken away.
    if (sub === delayedSub) return group === '' && this.#delayed.discard(row.channel, pos)
    const found = this.#at(row, pos)
    return found !== undefined && this.#settle(row, found)
  }

  #at(group: GroupRow, pos: number): Unsettled | undefined {
    for (const found of this.#unsettled(group, pos)) return found.pos === pos ? found : undefined
    return undefined
  }

  /** Settles a message by hand. Only in a shard that nobody owns: an owner may have it in its hands. */
  #settle(group: GroupRow, { pos, shard }: Unsettled): boolean {
    const lease = this.#leases(group.id).find((one) => one.shard === shard) as LeaseRow
    if (lease.owner !== null) return false
    const log = logOf(lease.state)
    this.#save(group.id, lease, { settled: [...log.settled, pos].sort((a, b) => a - b), held: log.held.filter(([held]) => held !== pos) })
    // Before the group's first unsettled message nothing need be remembered one by one, and the log can be trimmed.
    const [first] = this.#unsettled(group, 0)
    const acked = first?.pos ?? (this.#db.sql('SELECT next FROM channel WHERE id = ?').get(group.channel) as { next: number }).next
    for (const one of this.#leases(group.id))
      if (one.owner === null && one.acked < acked) this.#save(group.id, { ...one, acked }, logOf(one.state))
    return true
  }

  #save(group: number, { shard, acked }: LeaseRow, { settled, held }: ShardLog): void {
    const state = textOf({ settled: settled.filter((pos) => pos >= acked), held: held.filter(([pos]) => pos >= acked) })
    this.#db.sql('UPDATE lease SET acked = ?, handed = ?, state = ? WHERE grp = ? AND shard = ?').run(acked, acked, state, group, shard)
  }
}

function positionOf(text: string): [pos: number, sub: number] {
  const [pos, sub] = text.split('.').map(Number)
  return [pos ?? 0, sub ?? 0]
}
