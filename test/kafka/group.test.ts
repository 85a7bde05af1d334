import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { type Assignment, writeClaim } from '../../src/transport/kafka/assignor.ts'
import { ByteWriter } from '../../src/transport/kafka/bytes.ts'
import { codes } from '../../src/transport/kafka/codes.ts'
import { Commits } from '../../src/transport/kafka/commits.ts'
import { Membership } from '../../src/transport/kafka/membership.ts'
import { fakeCluster, keys, metadataOf } from './fake-driver.ts'

const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))
const coordinator = () => new ByteWriter().i32(0).i16(0).text(null).i32(1).text('127.0.0.1').i32(9)

test('a leader that does not know the topic yet does not leave everybody without partitions', async () => {
  let asked = 0
  const cluster = fakeCluster((key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: asked++ === 0 ? codes.UNKNOWN_TOPIC_OR_PARTITION : [1, 1] })
    if (key === keys.findCoordinator) return coordinator()
    if (key === keys.heartbeat) return new ByteWriter().i32(0).i16(0)
    const to = new ByteWriter().i32(0).i16(0)
    if (key === keys.joinGroup)
      return to
        .i32(1)
        .text('pabal-1')
        .text('me')
        .text('me')
        .array(['me'], (member) => to.text(member).bytes(writeClaim('t', [], [])))
    if (key !== keys.syncGroup) throw new Error(`nobody asks for ${key}`)
    ask.text()
    ask.i32()
    ask.text()
    const [mine] = ask.array(() => [ask.text(), ask.bytes()] as const)
    return to.bytes(mine?.[1] ?? Buffer.alloc(0))
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

test('a position waits while it is not known whether the partition is held; one of a holding that is gone is not written', async () => {
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
