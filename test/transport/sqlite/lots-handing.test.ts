import { expect, test } from 'vitest'
import { SimulatedRuntime } from '../../../src/runtime/simulated.ts'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { StoreClient } from '../../../src/transport/sqlite/client.ts'
import { Lots } from '../../../src/transport/sqlite/lots.ts'
import { Entry, OwnedShard } from '../../../src/transport/sqlite/owned-shard.ts'
import { frameOf, Packer } from '../../../src/transport/sqlite/packer.ts'
import type { HeadRow, TakenRow } from '../../../src/transport/sqlite/protocol.ts'

interface Row {
  readonly pos: number
  readonly suspect: boolean
  out: boolean
}

/** Lots over a store that is a list, asked as the worker would be: one question after the other, answered later. */
function bench(rows: Row[]) {
  const runtime = new SimulatedRuntime(1)
  const shard = new OwnedShard(
    { shard: 0, epoch: 1, acked: 1000, state: { settled: [], held: [] }, parked: [], parkedTotal: rows.length },
    new Packer(1),
  )
  const asked: string[] = []
  const handed: Entry[] = []
  let suspectOut = false
  /** What else happens while an answer is on its way. */
  const meanwhile: { heads?: (() => void) | undefined; take?: () => void } = {}
  const answers = {
    heads: () => ({
      heads: rows
        .filter(({ out }) => !out)
        .map(({ pos, suspect }): HeadRow => ({ pos, sub: 0, shard: 0, key: `k${pos}`, due: 0, suspect })),
      empty: rows.length === 0 ? [0] : [],
    }),
    take: ({ ids }: { ids: readonly { pos: number }[] }) =>
      ids.flatMap(({ pos }): TakenRow[] => {
        const row = rows.find((each) => each.pos === pos && !each.out)
        if (row === undefined) return []
        row.out = true
        const message = sampleMessage(`m${pos}`, 0, { key: `k${pos}` })
        return [
          { pos, sub: 0, key: `k${pos}`, lost: row.suspect ? 1 : 0, note: { attempts: 0, code: '', reason: '' }, frame: frameOf(message) },
        ]
      }),
  }
  const store = {
    call: async (op: 'heads' | 'take', takes: never) => {
      asked.push(op)
      const answer = answers[op](takes)
      await new Promise<void>((resolve) => void runtime.timer(1, resolve))
      meanwhile[op]?.()
      return answer
    },
  }
  const lots = new Lots({
    store: store as unknown as StoreClient,
    runtime,
    owned: new Map([[0, shard]]),
    group: () => 1,
    room: () => ({ messages: 100, suspectOut }),
    stopped: () => false,
    written: async () => {},
    hand: (entry) => {
      suspectOut ||= entry.lost > 0
      handed.push(entry)
    },
    failed: (error) => {
      throw error
    },
  })
  /** As when the settlement is written. */
  const settle = (entry: Entry) => {
    rows.splice(
      rows.findIndex(({ pos }) => pos === entry.pos),
      1,
    )
    if (entry.lost > 0) suspectOut = false
    lots.review()
  }
  return { runtime, shard, lots, asked, handed, settle, meanwhile }
}

const suspects = (count: number): Row[] => Array.from({ length: count }, (_, pos) => ({ pos, suspect: true, out: false }))

test('a shard that is being given up while a parked message is taken from it hands it out no more', async () => {
  const { runtime, shard, lots, asked, handed, meanwhile } = bench([{ pos: 1, suspect: false, out: false }])
  meanwhile.take = () => {
    shard.revoking = true
  }
  lots.review()
  await runtime.run(100)
  expect(asked).toEqual(['heads', 'take'])
  expect(handed, 'its next owner has it').toEqual([])
})

test('suspects come one at a time, in order, and are not looked for one by one', async () => {
  const { runtime, lots, asked, handed, settle } = bench(suspects(50))
  lots.review()
  for (let n = 0; n < 50; n++) {
    await runtime.run(5)
    expect(handed.map(({ pos }) => pos)).toEqual(Array.from({ length: n + 1 }, (_, pos) => pos))
    settle(handed[n] as Entry)
  }
  expect(asked.filter((op) => op === 'take')).toHaveLength(50)
  expect(asked.filter((op) => op === 'heads').length).toBeLessThan(30)
})

test('what is known to be due and is taken by somebody else leads to another look', async () => {
  const rows = suspects(3)
  const { runtime, lots, handed, settle } = bench(rows)
  lots.review()
  await runtime.run(5)
  for (const row of rows.slice(1)) row.out = true
  rows.push({ pos: 9, suspect: true, out: false })
  settle(handed[0] as Entry)
  await runtime.run(50)
  expect(handed.map(({ pos }) => pos)).toEqual([0, 9])
})

test('while a suspect takes long, others that are due are handed out', async () => {
  const rows = suspects(3)
  const { runtime, lots, handed } = bench(rows)
  lots.review()
  await runtime.run(5)
  rows.push({ pos: 7, suspect: false, out: false })
  lots.review()
  await runtime.run(50)
  expect(handed.map(({ pos }) => pos)).toEqual([0, 7])
})

test('a head that is parked while the store is asked what is due is not overtaken by its parked follower; other keys go on', async () => {
  const rows: Row[] = [5, 6].map((pos) => ({ pos, suspect: false, out: false }))
  const { runtime, shard, lots, handed, meanwhile } = bench(rows)
  const note = { due: 0, attempts: 1, code: '', reason: '' }
  meanwhile.heads = () => {
    meanwhile.heads = undefined
    shard.park(new Entry(shard, sampleMessage('m2', 0, { key: 'k5' }), 2, 0, 1), note)
  }
  lots.review()
  await runtime.run(5)
  expect(handed.map(({ pos }) => pos)).toEqual([6])
  // Written, and in time settled: then its follower is the first of its key.
  shard.settlement(1, false)
  lots.review()
  await runtime.run(5)
  expect(handed.map(({ pos }) => pos)).toEqual([6, 5])
})
