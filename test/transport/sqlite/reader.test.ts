import { expect, test } from 'vitest'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { StoreClient } from '../../../src/transport/sqlite/client.ts'
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
  const seen = { handed: 0, caughtUp: 0, meanwhile: () => {} }
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
      unit: 'a/0',
      shards: () => [shard],
      room: () => ({ messages: 10, bytes: 1e6 }),
      makeRoom: async () => undefined,
      turn: async () => undefined,
      stopped: () => false,
      hand: () => void seen.handed++,
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
