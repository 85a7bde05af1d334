import type { ParkNote } from '../../seam.ts'
import type { HeadRow, ParkedId, ParkRow, TakenRow } from '../protocol.ts'
import type { Database } from './database.ts'

interface KeyedId extends ParkedId {
  readonly key: string | null
}

/**
 * The parking lots. The functions run in a transaction of the caller's.
 *
 * Only the first of a key can be handed out. So that it is found without looking at its followers, it alone has a `ready`:
 * its `due`, while it is not out; whoever changes a row says so with `#refresh`. Each without a key is the first of its own.
 */
export class Parked {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** A row of the key came, went or changed: its first has `ready`, and the next, which may have been the first, has not. */
  #refresh(group: number, shard: number, key: string | null, { pos, sub }: ParkedId): void {
    const ready = 'CASE WHEN out IS NULL THEN due END'
    if (key === null) {
      this.#db.sql(`UPDATE parked SET ready = ${ready} WHERE grp = ? AND pos = ? AND sub = ?`).run(group, pos, sub)
      return
    }
    const place = '(SELECT rowid FROM parked WHERE grp = ? AND shard = ? AND key = ? ORDER BY pos, sub LIMIT 1'
    this.#db.sql(`UPDATE parked SET ready = ${ready} WHERE rowid = ${place}) AND ready IS NOT ${ready}`).run(group, shard, key)
    this.#db.sql(`UPDATE parked SET ready = NULL WHERE rowid = ${place} OFFSET 1) AND ready IS NOT NULL`).run(group, shard, key)
  }

  #refreshAt(group: number, id: ParkedId): void {
    const row = this.#db.sql('SELECT shard, key FROM parked WHERE grp = ? AND pos = ? AND sub = ?').get(group, id.pos, id.sub) as
      | { shard: number; key: string | null }
      | undefined
    if (row) this.#refresh(group, row.shard, row.key, id)
  }

  /** Parks a message of the log, or changes the note of one that is parked: it is out no more, and keeps its place. */
  put(group: number, shard: number, epoch: number, row: ParkRow): void {
    const { pos, sub, key, note, frame, out } = row
    const due = dueOf(note)
    const text = JSON.stringify(note)
    if (frame === undefined)
      // What a person asked for in the meantime is kept.
      this.#db
        .sql(`UPDATE parked SET out = NULL, suspect = 0, due = CASE WHEN json_extract(note, '$.order') IS NULL OR out IS NULL THEN ? ELSE due END,
          note = CASE WHEN out IS NOT NULL AND json_extract(note, '$.asked') THEN json_set(?, '$.order', json_extract(note, '$.order')) ELSE ? END WHERE grp = ? AND pos = ? AND sub = ?`)
        .run(due, text, text, group, pos, sub)
    else
      this.#db
        .sql('INSERT OR REPLACE INTO parked (grp, shard, pos, sub, key, due, out, note, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(group, shard, pos, sub, key, due, out ? epoch : null, text, frame)
    this.#refresh(group, shard, key, row)
  }

  /** Takes a row away. `idle`: only where it is not out. False where it is gone, or out. */
  remove(group: number, { pos, sub }: ParkedId, idle = false): boolean {
    const row = this.#db
      .sql('DELETE FROM parked WHERE grp = ? AND pos = ? AND sub = ? AND (out IS NULL OR NOT ?) RETURNING shard, key')
      .get(group, pos, sub, idle ? 1 : 0) as { shard: number; key: string | null } | undefined
    if (row && row.key !== null) this.#refresh(group, row.shard, row.key, { pos, sub })
    return row !== undefined
  }

  /** The first of each key that is not out and waits for a time or was asked for, soonest first. */
  heads(group: number, shards: readonly number[], limit: number): HeadRow[] {
    const found: HeadRow[] = []
    for (const shard of shards)
      for (const row of this.#db
        .sql(
          'SELECT pos, sub, shard, key, ready AS due, suspect FROM parked WHERE grp = ? AND shard = ? AND ready IS NOT NULL ORDER BY ready, pos, sub LIMIT ?',
        )
        .all(group, shard, limit))
        found.push({ ...row, suspect: row.suspect === 1 } as unknown as HeadRow)
    return found.sort((a, b) => (a.due as number) - (b.due as number) || a.pos - b.pos || a.sub - b.sub).slice(0, limit)
  }

  /** Those of the shards that have nothing parked. */
  empty(group: number, shards: readonly number[]): number[] {
    return shards.filter(
      (shard) => this.#db.sql('SELECT 1 FROM parked WHERE grp = ? AND shard = ? LIMIT 1').get(group, shard) === undefined,
    )
  }

  /** Marks them as handed out, so that they are counted should their owner die. Those that are gone or another's are left out. */
  take(group: number, ids: readonly (ParkedId & { readonly shard: number; readonly epoch: number })[]): TakenRow[] {
    const taken: TakenRow[] = []
    for (const { pos, sub, shard, epoch } of ids) {
      const row = this.#db
        .sql(`UPDATE parked SET out = ?, ready = NULL WHERE grp = ? AND pos = ? AND sub = ? AND ready IS NOT NULL
          AND EXISTS (SELECT 1 FROM lease WHERE grp = ? AND shard = ? AND epoch = ? AND owner IS NOT NULL) RETURNING key, lost, note, frame`)
        .get(epoch, group, pos, sub, group, shard, epoch) as
        | { key: string | null; lost: number; note: string; frame: Uint8Array }
        | undefined
      if (row) taken.push({ pos, sub, key: row.key, lost: row.lost, note: noteOf(row.note), frame: row.frame })
    }
    return taken
  }

  /** The shard is given up: what was out of its lot by this epoch is in it again. */
  giveBack(group: number, shard: number, epoch: number): void {
    const rows = this.#db
      .sql('UPDATE parked SET out = NULL WHERE grp = ? AND shard = ? AND out = ? RETURNING key, pos, sub')
      .all(group, shard, epoch)
    this.#refreshAll(group, shard, rows as unknown as KeyedId[])
  }

  /** What a dead owner had out of a shard's lot: counted, and to be attempted alone. */
  suspect(group: number, shard: number, now: number): void {
    const rows = this.#db
      .sql(
        'UPDATE parked SET out = NULL, lost = lost + 1, suspect = 1, due = min(coalesce(due, ?), ?) WHERE grp = ? AND shard = ? AND out IS NOT NULL RETURNING key, pos, sub',
      )
      .all(now, now, group, shard)
    this.#refreshAll(group, shard, rows as unknown as KeyedId[])
  }

  #refreshAll(group: number, shard: number, rows: readonly KeyedId[]): void {
    for (const row of rows) this.#refresh(group, shard, row.key, row)
  }

  /** A message of the log that a dead owner held. */
  addSuspect(group: number, shard: number, pos: number, key: string | null, due: number, frame: Uint8Array, lost: boolean): void {
    const note: ParkNote = {
      due,
      attempts: 0,
      code: lost ? 'PROCESS_KILLED' : 'KEY_PARKED',
      reason: lost ? 'it was handed out when its process died' : 'it waits for an earlier message of its key',
    }
    this.#db
      .sql(
        'INSERT OR IGNORE INTO parked (grp, shard, pos, sub, key, due, lost, suspect, note, frame) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)',
      )
      .run(group, shard, pos, key, due, lost ? 1 : 0, lost ? 1 : 0, JSON.stringify(note), frame)
    this.#refresh(group, shard, key, { pos, sub: 0 })
  }

  /** A place behind everything of the key that is parked or was sent so far. */
  nextSub(group: number, pos: number): number {
    const { sub } = this.#db.sql('SELECT coalesce(max(sub), 0) + 1 AS sub FROM parked WHERE grp = ? AND pos = ?').get(group, pos) as {
      sub: number
    }
    return sub
  }

  amend(group: number, { pos, sub }: ParkedId, note: ParkNote, frame: Uint8Array | undefined): boolean {
    const text = JSON.stringify({ ...note, asked: true })
    const done =
      this.#db
        .sql('UPDATE parked SET note = ?, due = ?, frame = coalesce(?, frame) WHERE grp = ? AND pos = ? AND sub = ?')
        .run(text, dueOf(note), frame ?? null, group, pos, sub).changes === 1
    if (done) this.#refreshAt(group, { pos, sub })
    return done
  }
}

/** With an order it is due at its time, or at once. */
export const dueOf = (note: ParkNote): number | null => note.due ?? (note.order === undefined ? null : 0)

export function noteOf(text: string): ParkNote {
  const { asked: _, ...note } = JSON.parse(text) as ParkNote & { asked?: boolean }
  return note
}
