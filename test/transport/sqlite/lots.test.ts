import { expect, onTestFinished, test } from 'vitest'
import type { ParkNote } from '../../../src/transport/seam.ts'
import { Database } from '../../../src/transport/sqlite/db/database.ts'
import { Parked } from '../../../src/transport/sqlite/db/parked.ts'
import type { HeadRow } from '../../../src/transport/sqlite/protocol.ts'
import { place } from './stores.ts'

function lot(): { db: Database; parked: Parked } {
  const db = new Database({ file: place(), maxSize: 2 ** 30, shards: 4, busyAfter: 1000, point: () => {} })
  onTestFinished(() => db.close())
  // take looks whether the shard is owned
  db.write(false, () => {
    for (let shard = 0; shard < 4; shard++)
      db.sql("INSERT INTO lease (grp, shard, owner, epoch, acked) VALUES (1, ?, 'me/0', 5, 0)").run(shard)
  })
  return { db, parked: new Parked(db) }
}

const note = (due?: number): ParkNote => ({ due, attempts: 0, code: 'KEY_PARKED', reason: 'it waits' })
const frame = Buffer.alloc(200)

/** What `heads` means, without any help of an index. */
function naive(db: Database, limit: number): unknown[] {
  return db
    .sql(`SELECT pos, sub, shard, key, due, suspect FROM parked p WHERE grp = 1 AND out IS NULL AND due IS NOT NULL
      AND (key IS NULL OR NOT EXISTS (SELECT 1 FROM parked q WHERE q.grp = p.grp AND q.shard = p.shard AND q.key = p.key AND (q.pos < p.pos OR q.pos = p.pos AND q.sub < p.sub)))
      ORDER BY due, pos, sub LIMIT ?`)
    .all(limit)
    .map((row) => ({ ...row, suspect: row.suspect === 1 }))
}

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test('whatever is done to a lot, the heads are the first of each key that are due and not out', () => {
  let compared = 0
  for (let seed = 1; seed <= 4; seed++) {
    const { db, parked } = lot()
    const draw = numbers(seed)
    const any = (): { pos: number; sub: number; shard: number; key: string | null } | undefined =>
      db.sql('SELECT pos, sub, shard, key FROM parked ORDER BY pos, sub LIMIT 1 OFFSET ?').get(draw(30)) as never
    const due = () => (draw(3) === 0 ? undefined : draw(50))
    for (let step = 0; step < 400; step++) {
      db.write(false, () => {
        const shard = draw(4)
        const key = draw(5) === 0 ? null : `k${shard}${draw(3)}`
        const row = any()
        const what = draw(10)
        const id = { pos: row?.pos ?? 0, sub: row?.sub ?? 0 }
        if (what < 3 || row === undefined) {
          const pos = draw(1000)
          if (db.sql('SELECT 1 FROM parked WHERE pos = ?').get(pos) === undefined)
            parked.put(1, shard, 5, { pos, sub: 0, key, note: note(due()), frame, out: draw(6) === 0 })
        } else if (what === 3) parked.put(1, row.shard, 5, { ...id, key: row.key, note: note(due()) })
        else if (what === 4) parked.remove(1, id, draw(2) === 0)
        else if (what === 5) parked.take(1, [{ ...id, shard: row.shard, epoch: 5 }])
        else if (what === 6)
          parked.amend(1, id, { ...note(due()), order: draw(2) === 0 ? 'redrive' : undefined }, draw(2) === 0 ? frame : undefined)
        else if (what === 7) parked.giveBack(1, shard, 5)
        else if (what === 8) parked.suspect(1, shard, 7)
        else if (db.sql('SELECT 1 FROM parked WHERE pos = 1001').get() === undefined)
          parked.addSuspect(1, shard, 1001, key, draw(50), frame, draw(2) === 0)
      })
      const found: HeadRow[] = parked.heads(1, [0, 1, 2, 3], 8)
      expect(
        found.map((head) => ({ ...head })),
        `seed ${seed}, step ${step}`,
      ).toEqual(naive(db, 8))
      compared += found.length
    }
  }
  expect(compared).toBeGreaterThan(1000)
})

test('followers cost nothing: 50,000 parked behind one head', () => {
  const { db, parked } = lot()
  db.write(false, () => {
    for (let pos = 0; pos < 50_000; pos++) parked.put(1, 0, 5, { pos, sub: 0, key: 'k', note: note(pos === 0 ? 1 : undefined), frame })
  })
  const times: number[] = []
  for (let n = 0; n < 50; n++) {
    const began = performance.now()
    expect(parked.heads(1, [0, 1, 2, 3], 200)).toHaveLength(1)
    times.push(performance.now() - began)
  }
  // looking at every follower takes 26 ms
  expect(times.sort((a, b) => a - b)[25]).toBeLessThan(3)
})
