import { Admin, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadDriver } from '../../src/transport/kafka/driver.ts'
import { Cluster } from '../../src/transport/kafka/link/cluster.ts'
import { fetch } from '../../src/transport/kafka/read/fetch.ts'
import { FetchSession } from '../../src/transport/kafka/read/session.ts'
import { address, freshPrefix, kafkaThere, port, removeTopics } from './broker.ts'

describe.skipIf(!(await kafkaThere()))('fetch sessions of a real broker', () => {
  const prefix = freshPrefix()
  const topic = `${prefix}sessions`
  const base = { clientId: 'test', bootstrapBrokers: [address] }
  const producer = new Producer(base)
  let cluster: Cluster

  beforeAll(async () => {
    const admin = new Admin(base)
    await admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 })
    await admin.close()
    const connection = { connectTimeout: 5000, requestTimeout: 15_000, maxInflights: 20 }
    cluster = new Cluster({ driver: await loadDriver(), clientId: 'test', connection }, [{ host: '127.0.0.1', port }])
    await cluster.offsets(topic, [0, 1])
  })

  afterAll(async () => {
    await producer.close()
    await cluster.close()
    await removeTopics(prefix)
  })

  const limits = { wait: 100, bytes: 1e6, partitionBytes: 1e5 }
  const from = (...offsets: number[]) => offsets.map((offset, partition) => ({ topic, partition, from: offset }))
  const put = (partition: number) =>
    producer.send({ messages: [{ topic, partition, key: Buffer.from('k'), value: Buffer.from('v') }], acks: -1 })
  async function read(session: FetchSession, ...offsets: number[]): Promise<number[]> {
    const link = cluster.shared(cluster.topic(topic)?.leaders[0] as number)
    const found = await fetch(link, from(...offsets), limits, session)
    return found.filter(({ bytes }) => bytes.length > 0).map(({ partition }) => partition)
  }

  test('only what is new is answered, and a partition that is not asked for any more is not', async () => {
    const session = new FetchSession()
    expect(await read(session, 0, 0)).toEqual([])
    expect(session.change(from(0, 0))).toMatchObject({ epoch: 1, parts: [], gone: [] })
    await put(1)
    expect(await read(session, 0, 0)).toEqual([1])
    expect(await read(session, 0, 1)).toEqual([])
    await put(1)
    expect(await read(session, 0)).toEqual([])
    expect(await read(session, 0, 1)).toEqual([1])
  })

  test('a session that the broker does not know, or that counts otherwise, is begun anew', async () => {
    await put(0)
    const unknown = new FetchSession()
    unknown.answered(0, 0x7000_0001)
    expect(await read(unknown, 0)).toEqual([])
    expect(await read(unknown, 0)).toEqual([0])
    const ahead = new FetchSession()
    expect(await read(ahead, 0)).toEqual([0])
    const { id } = ahead.change(from(0))
    ahead.answered(0, id)
    expect(await read(ahead, 0)).toEqual([])
    expect(await read(ahead, 0)).toEqual([0])
    expect(ahead.change(from(0)).id).not.toBe(id)
  })
})
