import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/transport/kafka/bytes.ts'
import { codes } from '../../src/transport/kafka/codes.ts'
import { Producer } from '../../src/transport/kafka/producer.ts'
import { fakeCluster, keys, metadataOf } from './fake-driver.ts'

test('a producer whose numbers the broker does not know any more takes a new id at once', async () => {
  let producers = 0
  let requests = 0
  const seen: [producer: number, sequence: number][] = []
  const cluster = fakeCluster((key, ask) => {
    if (key === keys.metadata) return metadataOf({ t: [1] })
    if (key === keys.initProducerId) return new ByteWriter().i32(0).i16(0).i64(++producers).i16(0)
    if (key !== keys.produce) throw new Error(`nobody asks for ${key}`)
    requests++
    // The broker dies with the second batch in its hands, and comes back without the first.
    if (requests === 2) throw new Error('killed')
    ask.text()
    ask.at += 2 + 4
    const to = new ByteWriter()
    return to.array(
      ask.array(() => [ask.text(), ask.array(() => [ask.i32(), ask.bytes()] as const)] as const),
      ([topic, parts]) =>
        to.text(topic).array(parts, ([partition, batch]) => {
          const producer = Number(batch.readBigInt64BE(43))
          const sequence = batch.readInt32BE(53)
          seen.push([producer, sequence])
          const known = requests === 1 || producer > 1
          to.i32(partition)
            .i16(known ? 0 : codes.OUT_OF_ORDER_SEQUENCE_NUMBER)
            .raw(Buffer.alloc(24))
        }),
    )
  })
  const limits = { maxMessages: 100, maxBytes: 1e6, batchBytes: () => 1e6, troubled: () => undefined }
  const producer = new Producer(cluster, { ...limits, safe: true, deadline: 3000 })
  const send = (text: string) =>
    new Promise<Error | undefined>((resolve) => {
      const waiter = { settled: (_: number, error: Error | undefined) => resolve(error) }
      producer.add('t', 0, null, Buffer.from(text), undefined, waiter, 0, 100)
    })
  await cluster.refresh(['t'])
  expect(await send('one')).toBeUndefined()
  expect(await send('two')).toBeUndefined()
  expect(seen).toEqual([
    [1, 0],
    [1, 1],
    [2, 0],
  ])
  await producer.close()
})
