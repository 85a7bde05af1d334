import type { Channel } from '../../../channel/channel.ts'
import { type DelayRow, delayedSub, type Pack, type Stored, type StoredRow } from '../protocol.ts'
import type { Database } from './database.ts'
import type { Log } from './log.ts'
import { packOne } from './pack.ts'

/** Messages that are not to be handed out before their time. In a transaction of the caller's. */
export class Delayed {
  readonly #db: Database
  readonly #log: Log

  constructor(db: Database, log: Log) {
    this.#db = db
    this.#log = log
  }

  add(rows: readonly DelayRow[]): void {
    for (const { channel, due, shard, frame } of rows) {
      const { id } = this.#log.ensure(channel)
      this.#db.sql('INSERT INTO delayed (channel, due, shard, frame) VALUES (?, ?, ?, ?)').run(id, due, shard, frame)
    }
  }

  get nextDue(): number | null {
    return (this.#db.sql('SELECT min(due) AS due FROM delayed').get() as { due: number | null }).due
  }

  count(channel: number): number {
    return (this.#db.sql('SELECT count(*) AS n FROM delayed WHERE channel = ?').get(channel) as { n: number }).n
  }

  /** What waits on a channel, in the order in which it was sent, after one of them. */
  browse(channel: number, after: number, limit: number): StoredRow[] {
    const rows = this.#db
      .sql('SELECT id AS pos, due, frame FROM delayed WHERE channel = ? AND id > ? ORDER BY id LIMIT ?')
      .all(channel, after, limit) as unknown as { pos: number; due: number; frame: Uint8Array }[]
    return rows.map((row) => ({ ...row, sub: delayedSub, note: null }))
  }

  /** False where it is gone. */
  discard(channel: number, id: number): boolean {
    return this.#db.sql('DELETE FROM delayed WHERE channel = ? AND id = ?').run(channel, id).changes > 0
  }

  /** Moves what is due into the log, in order of its time, some at a time. */
  wake(now: number): Stored[] {
    const rows = this.#db
      .sql(
        'SELECT d.id, c.address, c.kind, d.shard, d.frame FROM delayed d JOIN channel c ON c.id = d.channel WHERE d.due <= ? ORDER BY d.due, d.id LIMIT 500',
      )
      .all(now) as unknown as { id: number; address: string; kind: Channel['kind']; shard: number; frame: Uint8Array }[]
    const packs: Pack[] = rows.map(({ address, kind, shard, frame }) => ({
      channel: { address, kind },
      count: 1,
      bytes: packOne(shard, frame),
    }))
    for (const { id } of rows) this.#db.sql('DELETE FROM delayed WHERE id = ?').run(id)
    return packs.length === 0 ? [] : this.#log.append(packs)
  }
}
