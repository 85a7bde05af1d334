import type { ParkNote } from '../../seam.ts'
import type { HeadRow, ParkedId, ParkRow, TakenRow } from '../protocol.ts'
import type { Database } from './database.ts'

/** The parking lots. The functions run in a transaction of the caller's. */
export class Parked {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Parks a message of the log, or changes the note of one that is parked: it is out no more, and keeps its place. */
  put(group: number, shard: number, epoch: number, row: ParkRow): void {
    const { pos, sub, key, note, frame, out } = row
    const due = dueOf(note)
    const text = JSON.stringify(note)
    if (frame === undefined) {
      // What a person asked for in the meantime is kept.
      this.#db
        .sql(`UPDATE parked SET out = NULL, suspect = 0, due = CASE WHEN json_extract(note, '$.order') IS NULL OR out IS NULL THEN ? ELSE due END,
          note = CASE WHEN out IS NOT NULL AND json_extract(note, '$.asked') THEN json_set(?, '$.order', json_extract(note, '$.order')) ELSE ? END WHERE grp = ? AND pos = ? AND sub = ?`)
        .run(due, text, text, group, pos, sub)
      return
    }
    this.#db
      .sql('INSERT OR REPLACE INTO parked (grp, shard, pos, sub, key, due, out, note, frame) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(group, shard, pos, sub, key, due, out ? epoch : null, text, frame)
  }

  remove(group: number, { pos, sub }: ParkedId): void {
    this.#db.sql('DELETE FROM parked WHERE grp = ? AND pos = ? AND sub = ?').run(group, pos, sub)
  }

  /** The first of each key that is not out and waits for a time or was asked for, soonest first. */
  heads(group: number, shards: readonly number[], limit: number): HeadRow[] {
    return this.#db
      .sql(`SELECT pos, sub, shard, key, due, suspect FROM parked p
        WHERE grp = ? AND out IS NULL AND due IS NOT NULL AND shard IN (SELECT value FROM json_each(?))
        AND (key IS NULL OR NOT EXISTS (SELECT 1 FROM parked q WHERE q.grp = p.grp AND q.shard = p.shard AND q.key = p.key AND (q.pos < p.pos OR q.pos = p.pos AND q.sub < p.sub)))
        ORDER BY due, pos, sub LIMIT ?`)
      .all(group, JSON.stringify(shards), limit)
      .map((row) => ({ ...row, suspect: row.suspect === 1 })) as unknown as HeadRow[]
  }

  /** Those of the shards that have nothing parked. */
  empty(group: number, shards: readonly number[]): number[] {
    return shards.filter((shard) => this.#db.sql('SELECT 1 FROM parked WHERE grp = ? AND shard = ? LIMIT 1').get(group, shard) === undefined)
  }

  /** Marks them as handed out, so that they are counted should their owner die. Those that are gone or another's are left out. */
  take(group: number, ids: readonly (ParkedId & { readonly shard: number; readonly epoch: number })[]): TakenRow[] {
    const taken: TakenRow[] = []
    for (const { pos, sub, shard, epoch } of ids) {
      const row = this.#db
        .sql(`UPDATE parked SET out = ? WHERE grp = ? AND pos = ? AND sub = ? AND out IS NULL
          AND EXISTS (SELECT 1 FROM lease WHERE grp = ? AND shard = ? AND epoch = ? AND owner IS NOT NULL) RETURNING key, lost, note, frame`)
        .get(epoch, group, pos, sub, group, shard, epoch) as { key: string | null; lost: number; note: string; frame: Uint8Array } | undefined
      if (row) taken.push({ pos, sub, key: row.key, lost: row.lost, note: noteOf(row.note), frame: row.frame })
    }
    return taken
  }

  /** What a dead owner had out of a shard's lot: counted, and to be attempted alone. */
  suspect(group: number, shard: number, now: number): void {
    this.#db.sql('UPDATE parked SET out = NULL, lost = lost + 1, suspect = 1, due = min(coalesce(due, ?), ?) WHERE grp = ? AND shard = ? AND out IS NOT NULL').run(now, now, group, shard)
  }

  /** A message of the log that a dead owner held. */
  addSuspect(group: number, shard: number, pos: number, key: string | null, due: number, frame: Uint8Array, lost: boolean): void {
    const note: ParkNote = { due, attempts: 0, code: lost ? 'PROCESS_KILLED' : 'KEY_PARKED', reason: lost ? 'it was handed out when its process died' : 'it waits for an earlier message of its key' }
    this.#db
      .sql('INSERT OR IGNORE INTO parked (grp, shard, pos, sub, key, due, lost, suspect, note, frame) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)')
      .run(group, shard, pos, key, due, lost ? 1 : 0, lost ? 1 : 0, JSON.stringify(note), frame)
  }

  /** A place behind everything of the key that is parked or was sent so far. */
  nextSub(group: number, pos: number): number {
    const { sub } = this.#db.sql('SELECT coalesce(max(sub), 0) + 1 AS sub FROM parked WHERE grp = ? AND pos = ?').get(group, pos) as { sub: number }
    return sub
  }

  amend(group: number, { pos, sub }: ParkedId, note: ParkNote, frame: Uint8Array | undefined): boolean {
    const text = JSON.stringify({ ...note, asked: true })
    const due = dueOf(note)
    return frame === undefined
      ? this.#db.sql('UPDATE parked SET note = ?, due = ? WHERE grp = ? AND pos = ? AND sub = ?').run(text, due, group, pos, sub).changes === 1
      : this.#db.sql('UPDATE parked SET note = ?, due = ?, frame = ? WHERE grp = ? AND pos = ? AND sub = ?').run(text, due, frame, group, pos, sub).changes === 1
  }
}

/** With an order it is due at its time, or at once. */
export const dueOf = (note: ParkNote): number | null => note.due ?? (note.order === undefined ? null : 0)

export function noteOf(text: string): ParkNote {
  const { asked: _, ...note } = JSON.parse(text) as ParkNote & { asked?: boolean }
  return note
}
