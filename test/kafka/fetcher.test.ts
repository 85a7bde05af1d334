import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { Batch } from '../../src/transport/kafka/batch.ts'
import { Fetcher, type Reader } from '../../src/transport/kafka/fetcher.ts'
import { type Asked, fakeCluster, fetchAsked, fetchedOf, keys, metadataOf } from './fake-driver.ts'

const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))

function record(offset: number): Buffer {
  const batch = new Batch(1, 0, 0)
  batch.add(1, null, Buffer.from('x'), undefined, { settled: () => undefined }, 0)
  const bytes = batch.seal(-1, -1)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}

/** A log of one partition that ends at `end`, and a fetcher that reads it. */
function reading() {
  const log = { end: 0, fetches: 0 }
  const cluster = fakeCluster(async (key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1] })
    const asked = fetchAsked(ask)
    log.fetches++
    await pause(5)
    return fetchedOf(asked.map((one: Asked) => (one.from < log.end ? { ...one, bytes: record(one.from) } : one)))
  })
  const options = { decompress: (_: number, bytes: Buffer) => bytes, troubled: () => undefined, partitionBytes: 1000, bytes: 1000 }
  return { log, cluster, fetcher: new Fetcher(cluster, options) }
}

function reader(full = () => false) {
  const offsets: number[] = []
  const taking: Reader = {
    take: (records) => void offsets.push(...records.map(({ offset }) => offset)),
    full,
    failed: (error) => {
      throw error
    },
  }
  return { offsets, taking }
}

test('a partition is read on when somebody else forgot who leads it, in whatever moment', async () => {
  const { log, cluster, fetcher } = reading()
  const { offsets, taking } = reader()
  fetcher.read('t', 0, 0, taking)
  await expect.poll(() => log.fetches).toBeGreaterThan(2)
  cluster.forget('t')
  await pause(30)
  log.end = 3
  await expect.poll(() => offsets, { timeout: 2000 }).toEqual([0, 1, 2])
  await fetcher.close()
})

test('who begins to read while all others are full is read for', async () => {
  const { log, fetcher } = reading()
  log.end = 2
  let full = false
  const first = reader(() => full)
  const release = fetcher.read('t', 0, 0, first.taking)
  await expect.poll(() => first.offsets).toEqual([0, 1])
  full = true
  await pause(50)
  release()
  const second = reader()
  fetcher.read('t', 0, 0, second.taking)
  await expect.poll(() => second.offsets, { timeout: 2000 }).toEqual([0, 1])
  await fetcher.close()
})

test('who ends a reading ends no later one of the same partition', async () => {
  const { log, fetcher } = reading()
  const release = fetcher.read('t', 0, 0, reader().taking)
  const second = reader()
  fetcher.read('t', 0, 0, second.taking)
  release()
  log.end = 2
  await expect.poll(() => second.offsets, { timeout: 2000 }).toEqual([0, 1])
  await fetcher.close()
})
