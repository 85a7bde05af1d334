import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { type ByteReader, ByteWriter } from '../../src/transport/kafka/protocol/bytes.ts'
import { codes } from '../../src/transport/kafka/protocol/codes.ts'
import { Producer } from '../../src/transport/kafka/send/producer.ts'
import { fakeCluster, keys, metadataOf } from './fake-driver.ts'

const limits = { maxMessages: 1000, maxBytes: 1e7, batchBytes: () => 1e6, troubled: () => undefined }

/** Answers each batch of a produce request with a code. */
function produced(ask: ByteReader, codeOf: (batch: { producer: number; sequence: number; bytes: Buffer }) => number): ByteWriter {
  ask.text()
  ask.at += 2 + 4
  const to = new ByteWriter()
  return to.array(
    ask.array(() => [ask.text(), ask.array(() => [ask.i32(), Buffer.from(ask.bytes())] as const)] as const),
    ([topic, parts]) =>
      to.text(topic).array(parts, ([partition, bytes]) => {
        const code = codeOf({ producer: Number(bytes.readBigInt64BE(43)), sequence: bytes.readInt32BE(53), bytes })
        to.i32(partition).i16(code).raw(Buffer.alloc(24))
      }),
  )
}

function sending(producer: Producer) {
  return (value: Buffer, partition = 0) =>
    new Promise<Error | undefined>((resolve) => {
      const waiter = { settled: (_: number, error: Error | undefined) => resolve(error) }
      producer.add('t', partition, null, value, undefined, waiter, 0, value.length)
    })
}

test('what a broker that does not know the producer yet refuses is not overtaken by what comes after it', { timeout: 10_000 }, async () => {
  const stored: string[] = []
  let known = -1
  let requests = 0
  const cluster = fakeCluster(async (key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1] })
    if (key === keys.initProducerId) return new ByteWriter().i32(0).i16(0).i64(1).i16(0)
    // It begins to lead the partition between two requests.
    const first = ++requests === 1
    const answer = produced(ask, ({ sequence, bytes }) => {
      if (first) return codes.NOT_LEADER_OR_FOLLOWER
      // As Kafka does: any number of a producer that is new to it.
      if (known >= 0 && sequence !== known + 1) return codes.OUT_OF_ORDER_SEQUENCE_NUMBER
      known = sequence
      stored.push(bytes.toString('latin1').match(/first|second/)?.[0] ?? '?')
      return 0
    })
    await new Promise<void>((resolve) => void systemRuntime.timer(300, resolve))
    return answer
  })
  const producer = new Producer(cluster, { ...limits, safe: true, deadline: 5000 })
  const send = sending(producer)
  await cluster.refresh(['t'])
  const large = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(100_000)])
  const one = send(large('first'))
  await expect.poll(() => requests).toBe(1)
  const two = send(large('second'))
  expect(await Promise.all([one, two])).toEqual([undefined, undefined])
  expect(stored).toEqual(['first', 'second'])
  await producer.close()
})

test('what waits behind a batch that is sent alone goes out when that is answered, whatever else was sent meanwhile', async () => {
  let requests = 0
  let answer = (): void => undefined
  const cluster = fakeCluster(async (key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1, 1] })
    if (key === keys.initProducerId) return new ByteWriter().i32(0).i16(0).i64(1).i16(0)
    requests++
    // The first is lost, and sent again alone; that one is answered late.
    if (requests === 1) throw new Error('killed')
    if (requests === 2) await new Promise<void>((resolve) => (answer = resolve))
    return produced(ask, () => 0)
  })
  const producer = new Producer(cluster, { ...limits, safe: true, deadline: 2000 })
  const send = sending(producer)
  await cluster.refresh(['t'])
  const one = send(Buffer.from('one'))
  await expect.poll(() => requests).toBe(2)
  const two = send(Buffer.from('two'))
  // Enough to be sent at once: all that is ready is looked at.
  const other = send(Buffer.alloc(100_000), 1)
  await other
  answer()
  expect(
    await Promise.race([Promise.all([one, two]), new Promise((resolve) => void systemRuntime.timer(1000, () => resolve('late')))]),
  ).toEqual([undefined, undefined])
  await producer.close()
})

test('a producer whose numbers the broker does not know any more takes a new id at once', async () => {
  let producers = 0
  let requests = 0
  const seen: [producer: number, sequence: number][] = []
  const cluster = fakeCluster((key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1] })
    if (key === keys.initProducerId) return new ByteWriter().i32(0).i16(0).i64(++producers).i16(0)
    requests++
    // The broker dies with the second batch in its hands, and comes back without the first.
    if (requests === 2) throw new Error('killed')
    return produced(ask, ({ producer, sequence }) => {
      seen.push([producer, sequence])
      return requests === 1 || producer > 1 ? 0 : codes.OUT_OF_ORDER_SEQUENCE_NUMBER
    })
  })
  const producer = new Producer(cluster, { ...limits, safe: true, deadline: 3000 })
  const send = sending(producer)
  await cluster.refresh(['t'])
  expect(await send(Buffer.from('one'))).toBeUndefined()
  expect(await send(Buffer.from('two'))).toBeUndefined()
  expect(seen).toEqual([
    [1, 0],
    [1, 1],
    [2, 0],
  ])
  await producer.close()
})
