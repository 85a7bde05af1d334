import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { Batch } from '../../src/transport/kafka/protocol/batch.ts'
import { codes, LinkFault } from '../../src/transport/kafka/protocol/codes.ts'
import { Fetcher, type Reader } from '../../src/transport/kafka/read/fetcher.ts'
import { type Asked, fakeCluster, fetchAsked, fetchedOf, fetchSaid, keys, metadataOf } from './fake-driver.ts'

const fetching = { decompress: (_: number, bytes: Buffer) => bytes, troubled: () => undefined, partitionBytes: 1000, bytes: 1000 }
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
  return { log, cluster, fetcher: new Fetcher(cluster, fetching) }
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

/** A broker that keeps a session: two partitions, and what each request said. `next`: what it says instead, once. */
function withSessions() {
  const ends = [0, 0]
  const said: string[] = []
  const next: { code?: number; lost?: boolean } = {}
  const session = { id: 0, epoch: 0, at: new Map<number, number>() }
  const cluster = fakeCluster(async (key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1, 1] })
    const { id, epoch, asked, gone } = fetchSaid(ask)
    if (said.length < 200)
      said.push(
        `${id}.${epoch} ${asked.map(({ partition, from }) => `${partition}@${from}`).join(' ')}${gone.length > 0 ? ` -${gone}` : ''}`,
      )
    await pause(5)
    const { code, lost } = next
    next.code = next.lost = undefined
    if (lost) throw new LinkFault('lost')
    if (code !== undefined) return fetchedOf([], { code })
    if (epoch === 0) {
      session.id++
      session.epoch = 0
      session.at.clear()
    } else if (id !== session.id || epoch !== session.epoch) return fetchedOf([], { code: codes.INVALID_FETCH_SESSION_EPOCH })
    session.epoch++
    for (const { partition, from } of asked) session.at.set(partition, from)
    for (const name of gone) session.at.delete(Number(name.slice(2)))
    const found = [...session.at].filter(([partition, from]) => from < (ends[partition] as number))
    const parts = found.map(([partition, from]) => ({ topic: 't', partition, from, bytes: record(from) }))
    return fetchedOf(parts, { session: session.id })
  })
  return { ends, said, next, cluster, fetcher: new Fetcher(cluster, fetching) }
}

test('a request only says what changed since the one before, in a session that the broker keeps', async () => {
  const { ends, said, fetcher } = withSessions()
  const [first, second] = [reader(), reader()]
  fetcher.read('t', 0, 0, first.taking)
  const release = fetcher.read('t', 1, 0, second.taking)
  await expect.poll(() => said.length).toBeGreaterThan(1)
  expect(said.slice(0, 2)).toEqual(['0.0 0@0 1@0', '1.1 '])
  ends[1] = 2
  await expect.poll(() => second.offsets).toEqual([0, 1])
  await expect.poll(() => said.at(-1)).toMatch(/^1\.\d+ $/)
  expect(said.filter((one) => one.includes('@')).slice(1)).toEqual([
    expect.stringMatching(/^1\.\d+ 1@1$/),
    expect.stringMatching(/^1\.\d+ 1@2$/),
  ])
  release()
  await expect.poll(() => said.some((one) => one.endsWith(' -t/1'))).toBe(true)
  ends[0] = 1
  await expect.poll(() => first.offsets).toEqual([0])
  await fetcher.close()
})

test.each([
  ['does not know the session any more', { code: codes.FETCH_SESSION_ID_NOT_FOUND }, /^0\.0 0@1$/],
  ['counts otherwise', { code: codes.INVALID_FETCH_SESSION_EPOCH }, /^1\.0 0@1$/],
  ['may have heard a request or not', { lost: true }, /^1\.0 0@1$/],
])('all is told again to a broker that %s', async (_, fault, whole) => {
  const { ends, said, next, fetcher } = withSessions()
  const { offsets, taking } = reader()
  ends[0] = 1
  fetcher.read('t', 0, 0, taking)
  await expect.poll(() => said.at(-1)).toMatch(/^1\.\d+ $/)
  Object.assign(next, fault)
  await expect.poll(() => said.some((one) => whole.test(one))).toBe(true)
  ends[0] = 3
  await expect.poll(() => offsets).toEqual([0, 1, 2])
  await fetcher.close()
})
