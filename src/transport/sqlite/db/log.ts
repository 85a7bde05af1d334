import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import type { Pack, Segment, Stored } from '../protocol.ts'
import type { Database } from './database.ts'

/** A pack up to this size is handed on to whoever reads the channel; more is read from the store, where it pays. In bytes. */
const handedOn = 8 * 1024

interface ChannelRow {
  readonly id: number
  readonly kind: Channel['kind']
}

/** The log: channels and the packs that were sent to them. All functions but `read` run in a transaction of the caller's. */
export class Log {
  readonly #db: Database
  readonly #channels = new Map<string, ChannelRow>()

  constructor(db: Database) {
    this.#db = db
  }

  find(address: string): ChannelRow | undefined {
    let row = this.#channels.get(address)
    if (row === undefined) {
      row = this.#db.sql('SELECT id, kind FROM channel WHERE address = ?').get(address) as ChannelRow | undefined
      if (row) this.#channels.set(address, row)
    }
    return row
  }

  /** The channel's row, made where it is new, with the owner's group where it is point-to-point. */
  ensure(channel: Channel): ChannelRow {
    const found = this.find(channel.address)
    if (found) {
      if (found.kind !== channel.kind)
        throw new PabalError(
          'INVALID_CONFIGURATION',
          `the channel ${channel.address} is ${found.kind} in this store, and was asked for as ${channel.kind}`,
        )
      return found
    }
    this.#db.sql('INSERT INTO channel (address, kind) VALUES (?, ?)').run(channel.address, channel.kind)
    const row = this.#db.sql('SELECT id, kind FROM channel WHERE address = ?').get(channel.address) as unknown as ChannelRow
    if (channel.kind === 'point-to-point') this.group(row.id, '', null)
    return row
  }

  /** Rolled-back channels must not be remembered. */
  forget(): void {
    this.#channels.clear()
  }

  /** The group's id, made where it is new: it begins with what is sent from now on. */
  group(channel: number, name: string, member: string | null): number {
    const found = this.#db.sql('SELECT id FROM grp WHERE channel = ? AND name = ?').get(channel, name) as { id: number } | undefined
    if (found) return found.id
    this.#db.sql('INSERT INTO grp (channel, name, member) VALUES (?, ?, ?)').run(channel, name, member)
    const { id } = this.#db.sql('SELECT id FROM grp WHERE channel = ? AND name = ?').get(channel, name) as { id: number }
    const lease = this.#db.sql('INSERT INTO lease (grp, shard, acked) SELECT ?, ?, next FROM channel WHERE id = ?')
    for (let shard = 0; shard < this.#db.shards; shard++) lease.run(id, shard, channel)
    return id
  }

  dropGroup(id: number): void {
    for (const table of ['lease', 'parked']) this.#db.sql(`DELETE FROM ${table} WHERE grp = ?`).run(id)
    this.#db.sql('DELETE FROM grp WHERE id = ?').run(id)
  }

  /** Appends packs, those of one channel as one segment; a channel that nobody provisioned is made. What was stored where somebody may read it. */
  append(packs: readonly Pack[]): Stored[] {
    const byChannel = new Map<string, Pack[]>()
    for (const pack of packs) {
      const { address } = pack.channel
      const same = byChannel.get(address)
      if (same) same.push(pack)
      else byChannel.set(address, [pack])
    }
    const stored: Stored[] = []
    for (const [address, same] of byChannel) {
      const { id, kind } = this.ensure((same[0] as Pack).channel)
      // Nobody subscribed to it: an event without groups is nobody's.
      if (kind !== 'point-to-point' && this.#db.sql('SELECT 1 FROM grp WHERE channel = ? LIMIT 1').get(id) === undefined) continue
      const count = same.reduce((sum, pack) => sum + pack.count, 0)
      const { next } = this.#db.sql('UPDATE channel SET next = next + ? WHERE id = ? RETURNING next').get(count, id) as { next: number }
      const bytes = same.length === 1 ? (same[0] as Pack).bytes : Buffer.concat(same.map((pack) => pack.bytes))
      this.#db
        .sql('INSERT INTO segment (channel, first, last, time, bytes) VALUES (?, ?, ?, ?, ?)')
        .run(id, next - count, next - 1, systemRuntime.now(), bytes)
      // A copy: what is handed on takes the whole memory along that it is a view of.
      stored.push({ channel: address, first: next - count, bytes: bytes.byteLength <= handedOn ? new Uint8Array(bytes) : undefined })
    }
    return stored
  }

  /** Segments from a position on, about `maxBytes` of them, at least one; the position of the next message to be sent. */
  read(channel: number, from: number, maxBytes: number): { segments: Segment[]; next: number } {
    const { next } = this.#db.sql('SELECT next FROM channel WHERE id = ?').get(channel) as { next: number }
    const segments: Segment[] = []
    let bytes = 0
    let at = from
    while (at < next && bytes < maxBytes) {
      const row = this.#db
        .sql('SELECT first, last, bytes FROM segment WHERE channel = ? AND last >= ? ORDER BY last LIMIT 1')
        .get(channel, at) as { first: number; last: number; bytes: Uint8Array } | undefined
      if (row === undefined) break
      segments.push({ first: row.first, bytes: row.bytes })
      bytes += row.bytes.byteLength
      at = row.last + 1
    }
    return { segments, next }
  }

  /** Takes away the segments that every group has behind it. */
  trim(): void {
    const rows = this.#db
      .sql(`
      SELECT g.channel AS channel, min(l.acked) AS acked, (SELECT min(last) FROM segment WHERE channel = g.channel) AS oldest
      FROM grp g JOIN lease l ON l.grp = g.id GROUP BY g.channel`)
      .all() as { channel: number; acked: number; oldest: number | null }[]
    for (const { channel, acked, oldest } of rows)
      if (oldest !== null && oldest < acked) this.#db.sql('DELETE FROM segment WHERE channel = ? AND last < ?').run(channel, acked)
    this.#db
      .sql(
        'DELETE FROM segment WHERE channel IN (SELECT c.id FROM channel c WHERE NOT EXISTS (SELECT 1 FROM grp g WHERE g.channel = c.id))',
      )
      .run()
  }
}
