import { expect, test } from 'vitest'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { StoreClient } from '../../../src/transport/sqlite/client.ts'
import type { Marks } from '../../../src/transport/sqlite/db/marks.ts'
import { packOne } from '../../../src/transport/sqlite/db/pack.ts'
import { OwnedShard } from '../../../src/transport/sqlite/owned-shard.ts'
import { frameOf, Packer } from '../../../src/transport/sqlite/packer.ts'
import { Reader } from '../../../src/transport/sqlite/reader.ts'

const frame = frameOf(sampleMessage('m', 0))

/** A log of as many messages as are said; each reading gives one, as if it were large. */
function stage(length: number) {
  const log = { length }
  const shard = new OwnedShard(
    { shard: 0, epoch: 1, acked: 0, state: { settled: [], held: [] }, parked: [], parkedTotal: 0 },
    new Packer(1),
  )
  const froms: number[] = []
  const seen = { handed: 0, caughtUp: 0, room: 10, markable: 100, log: [] as string[], meanwhile: () => {} }
  const marks = {
    write: (_group: number, _shard: number, _epoch: number, end: number) => {
      if (end > seen.markable) throw new Error('the disk is full')
      seen.log.push(`marked to ${end}`)
    },
  }
  const read = async (_: string, { reads }: { reads: readonly { from: number }[] }) => {
    const { from } = reads[0] as { from: number }
    froms.push(from)
    const next = log.length
    seen.meanwhile()
    const segments = from < next ? [{ first: from, bytes: packOne(0, frame) }] : []
    return { segments, next, marked: segments.length, lost: [] }
  }
  const reader = new Reader(
    {
      store: { call: read } as unknown as StoreClient,
      marks: marks as unknown as Marks,
      unit: 'a/0',
      shards: () => [shard],
      room: () => ({ messages: 10, bytes: 1e6 }),
      hasRoom: (messages) => messages <= seen.room,
      makeRoom: async () => undefined,
      turn: async () => undefined,
      stopped: () => false,
      hand: (_shard, _buffer, _offset, _end, pos) => {
        seen.handed++
        seen.log.push(`handed ${pos}`)
      },
      caughtUp: () => void seen.caughtUp++,
      failed: (error) => {
        throw error
      },
      lost: () => undefined,
      advanced: () => undefined,
    },
    { group: 1, channel: 1 },
  )
  return { reader, log, froms, seen }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the log is read to its end, and not once more to find that nothing is there', async () => {
  const { reader, froms, seen } = stage(3)
  reader.poke()
  await settled()
  expect(froms).toEqual([0, 1, 2])
  expect([seen.handed, seen.caughtUp]).toEqual([3, 1])
})

test('what is stored while the last of the log is read is read too', async () => {
  const { reader, log, froms, seen } = stage(1)
  seen.meanwhile = () => {
    seen.meanwhile = () => {}
    log.length++
    reader.poke()
  }
  reader.poke()
  await settled()
  expect(froms).toEqual([0, 1])
  expect(seen.handed).toBe(2)
})

const pack = (count: number): Uint8Array => Buffer.concat(Array.from({ length: count }, () => packOne(0, frame)))
const brought = (first: number, count: number) => ({ channel: 'queue', first, bytes: pack(count) })

test('what is brought along is marked, handed out at once, and not read', () => {
  const { reader, froms, seen } = stage(0)
  reader.woken(brought(0, 2))
  expect(seen.log).toEqual(['marked to 1', 'marked to 2', 'handed 0', 'handed 1'])
  reader.woken(brought(2, 1))
  expect(seen.log.splice(0).slice(4)).toEqual(['marked to 3', 'handed 2'])
  const anothers = { channel: 'queue', first: 3, bytes: packOne(5, frame) }
  reader.woken(anothers)
  reader.woken(brought(4, 1))
  expect(seen.log).toEqual(['marked to 5', 'handed 4'])
  expect(froms).toEqual([])
  expect(seen.caughtUp).toBe(4)
})

test('what is brought along before what comes first is read, in order', async () => {
  const { reader, log, froms, seen } = stage(2)
  reader.woken(brought(1, 1))
  expect(seen.handed).toBe(0)
  await settled()
  expect(seen.log).toEqual(['handed 0', 'handed 1'])
  expect(froms).toEqual([0, 1])
  // Told late of what was read by then.
  reader.woken(brought(0, 1))
  await settled()
  expect(seen.handed).toBe(2)
  log.length++
  reader.woken(brought(2, 1))
  expect(seen.log.slice(2)).toEqual(['marked to 3', 'handed 2'])
})

test('what is brought along is read where there is no room for it, or it cannot be marked', async () => {
  const { reader, log, seen } = stage(0)
  for (const refuse of [() => (seen.room = 0), () => (seen.markable = 0)]) {
    refuse()
    const first = log.length++
    reader.woken(brought(first, 1))
    expect(seen.handed).toBe(first)
    await settled()
    expect(seen.handed).toBe(first + 1)
    seen.room = 10
  }
  expect(seen.log).toEqual(['handed 0', 'handed 1'])
})

test('what is brought along while the log is read is left to the reading, whose mark would undo that of the other', async () => {
  const { reader, log, froms, seen } = stage(0)
  seen.meanwhile = () => {
    seen.meanwhile = () => {}
    log.length++
    reader.woken(brought(0, 1))
  }
  reader.poke()
  await settled()
  expect(seen.log).toEqual(['handed 0'])
  expect(froms).toEqual([0, 0])
})
