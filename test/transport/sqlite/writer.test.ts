import { expect, test } from 'vitest'
import { systemRuntime } from '../../../src/runtime/system.ts'
import type { StoreClient } from '../../../src/transport/sqlite/client.ts'
import { OwnedShard } from '../../../src/transport/sqlite/owned-shard.ts'
import { Packer } from '../../../src/transport/sqlite/packer.ts'
import { Writer } from '../../../src/transport/sqlite/writer.ts'

// Something may be settled at any microtask around the end of a write: none may find a writer that has just looked for the last time.
test.each(Array.from({ length: 12 }, (_, depth) => depth))('what is settled %i microtasks after a write is written too', async (depth) => {
  const shard = new OwnedShard(
    { shard: 0, epoch: 1, acked: 0, state: { settled: [], held: [] }, parked: [], parkedTotal: 0 },
    new Packer(1),
  )
  let writes = 0
  const store = { call: async () => ({ fenced: [], stored: [], nextDue: null }) } as unknown as StoreClient
  const writer = new Writer({
    store,
    runtime: systemRuntime,
    group: () => 1,
    shards: () => [shard],
    written: () => {
      if (++writes > 1) return
      let later = Promise.resolve()
      for (let i = 0; i < depth; i++) later = later.then(() => undefined)
      void later.then(() => writer.add(shard, true))
    },
    state: () => undefined,
  })
  writer.add(shard, true)
  await expect.poll(() => [writes, shard.dirty]).toEqual([2, false])
})
