import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { type Assignment, writeClaim } from '../../src/transport/kafka/group/assignor.ts'
import { Commits } from '../../src/transport/kafka/group/commits.ts'
import { GroupMember } from '../../src/transport/kafka/group/group.ts'
import { Membership } from '../../src/transport/kafka/group/membership.ts'
import { type ByteReader, ByteWriter } from '../../src/transport/kafka/protocol/bytes.ts'
import { codes } from '../../src/transport/kafka/protocol/codes.ts'
import { fakeCluster, fetchAsked, fetchedOf, keys, metadataOf } from './fake-driver.ts'

const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))
const coordinator = () => new ByteWriter().i32(0).i16(0).text(null).i32(1).text('127.0.0.1').i32(9)

/** What a group of one is answered, where nothing else is said. */
function alone(key: number, ask: ByteReader): ByteWriter {
  if (key === keys.metadata) return metadataOf({ t: [1] })
  if (key === keys.findCoordinator) return coordinator()
  if (key === keys.listOffsets) {
    ask.at += 5
    const to = new ByteWriter().i32(0)
    const asked = ask.array(() => [ask.text(), ask.array(() => [ask.i32(), ask.i64()] as const)] as const)
    return to.array(asked, ([topic, parts]) =>
      to.text(topic).array(parts, ([partition, time]) =>
        to
          .i32(partition)
          .i16(0)
          .i64(-1)
          .i64(time === -2 ? 0 : 9),
      ),
    )
  }
  const to = new ByteWriter().i32(0).i16(0)
  if (key === keys.heartbeat || key === keys.leaveGroup) return to
  if (key === keys.joinGroup)
    return to
      .i32(1)
      .text('pabal-1')
      .text('me')
      .text('me')
      .array(['me'], (member) => to.text(member).bytes(writeClaim('t', [], [])))
  if (key !== keys.syncGroup) throw new Error(`nobody answers ${key}`)
  ask.text()
  ask.i32()
  ask.text()
  const [mine] = ask.array(() => [ask.text(), ask.bytes()] as const)
  return to.bytes(mine?.[1] ?? Buffer.alloc(0))
}

test('a leader that does not know the topic yet does not leave everybody without partitions', async () => {
  let asked = 0
  const cluster = fakeCluster((key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: asked++ === 0 ? codes.UNKNOWN_TOPIC_OR_PARTITION : [1, 1] })
    return alone(key, ask)
  })
  const given: Assignment[] = []
  const membership = new Membership({
    cluster,
    group: 'g',
    topic: 't',
    sessionTimeout: 1000,
    assigned: (assignment) => given.push(assignment),
    lost: () => undefined,
    troubled: () => undefined,
    refused: (error) => given.push(error as never),
  })
  membership.start()
  await expect.poll(() => given.length, { timeout: 3000 }).toBe(1)
  expect(given[0]).toEqual({ partitions: [0, 1], members: 1 })
  await membership.close()
})

/** A group whose commits are noted. */
function committing() {
  const written: number[] = []
  const cluster = fakeCluster((key, ask) => {
    if (key === keys.findCoordinator) return coordinator()
    if (key !== keys.offsetCommit) throw new Error(`nobody asks for ${key}`)
    ask.text()
    ask.i32()
    ask.text()
    const to = new ByteWriter().i32(0)
    return to.array(
      ask.array(() => [ask.text(), ask.array(() => [ask.i32(), ask.i64(), ask.text()] as const)] as const),
      ([topic, commits]) =>
        to.text(topic).array(commits, ([partition, offset]) => {
          written.push(offset)
          to.i32(partition).i16(0)
        }),
    )
  })
  return { written, cluster }
}

test('a position waits while it is not known whether the partition is held; one of a holding that is gone is not written', async () => {
  const { written, cluster } = committing()
  const holder = { alive: false, generation: 1, member: 'me', holds: () => true, change: () => new Promise<void>(() => undefined) }
  const commits = new Commits(cluster, holder, 't', 'g')
  let lost = false
  let settled = 0
  const add = (partition: number, floor: number, stale: () => boolean) =>
    void commits.add(partition, { floor, done: [], beside: '', stale }).then(() => settled++)
  add(0, 5, () => false)
  add(1, 6, () => lost)
  await pause(150)
  expect([settled, written]).toEqual([0, []])
  // Its partition was lost, and may be held again by now.
  lost = true
  holder.alive = true
  await expect.poll(() => settled).toBe(2)
  expect(written).toEqual([5])
  await cluster.close()
})

test('what may be late goes with what comes after it, and at once when there is no more time', async () => {
  const { written, cluster } = committing()
  const holder = { alive: true, generation: 1, member: 'me', holds: () => true, change: () => new Promise<void>(() => undefined) }
  const commits = new Commits(cluster, holder, 't', 'g', 60_000)
  const add = (partition: number, floor: number) => commits.add(partition, { floor, done: [], beside: '', stale: () => false })
  const early = [add(0, 5), add(1, 6)]
  await pause(20)
  const all = Promise.all([...early, add(0, 7)])
  await pause(20)
  expect(written).toEqual([])
  commits.hurry()
  await all
  expect(written).toEqual([7, 6])
  await add(1, 8)
  expect(written).toEqual([7, 6, 8])
  await cluster.close()
})

test('what was read for a partition that was lost meanwhile does not count when it is held again', async () => {
  let thrownOut = false
  let answer = (): void => undefined
  const offsetsAsked: (() => void)[] = []
  const from: number[] = []
  const cluster = fakeCluster(async (key, ask) => {
    if (key === keys.heartbeat && offsetsAsked.length === 1 && !thrownOut) {
      thrownOut = true
      return new ByteWriter().i32(0).i16(codes.UNKNOWN_MEMBER_ID)
    }
    if (key === keys.offsetFetch) {
      const first = offsetsAsked.length === 0
      await new Promise<void>((resolve) => {
        offsetsAsked.push(resolve)
        if (first) answer = resolve
        else resolve()
      })
      const to = new ByteWriter().i32(0)
      const parts = () =>
        to
          .i32(0)
          .i64(first ? 2 : 7)
          .text('')
          .i16(0)
      return to.array([0], () => to.text('t').array([0], parts)).i16(0)
    }
    if (key === keys.fetch) {
      const asked = fetchAsked(ask)
      from.push(...asked.map((one) => one.from))
      await pause(5)
      return fetchedOf(asked)
    }
    if (key === keys.offsetCommit) return new ByteWriter().i32(0).array([], () => undefined)
    return alone(key, ask)
  })
  const surroundings = {
    cluster,
    fetching: { decompress: (_: number, bytes: Buffer) => bytes, troubled: () => undefined, partitionBytes: 1000, bytes: 1000 },
    sessionTimeout: 1000,
    instance: 'me',
    write: () => Promise.resolve(),
    warn: () => undefined,
  }
  const member = new GroupMember(
    surroundings,
    { topic: 't', group: 'g', parks: undefined },
    { durable: false, maxMessages: 10, maxBytes: 1e6 },
    () => ({ emit: [] }),
    { send: () => Promise.resolve([]) },
  )
  await member.start(false)
  await expect.poll(() => thrownOut, { timeout: 3000 }).toBe(true)
  // It has joined again before the first answer comes.
  await pause(200)
  answer()
  await expect.poll(() => from.length, { timeout: 3000 }).toBeGreaterThan(2)
  expect(new Set(from)).toEqual(new Set([7]))
  await member.close()
  await cluster.close()
})
