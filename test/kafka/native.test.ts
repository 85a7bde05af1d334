import * as driver from '@platformatic/kafka'
import { type Consumer, Producer, stringDeserializers } from '@platformatic/kafka'
import { afterAll, describe, expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { kafka } from '../../src/transport/kafka/index.ts'
import type { Delivery } from '../../src/transport/seam.ts'
import { address, freshPrefix, kafkaThere, removeTopics } from './broker.ts'

const prefix = freshPrefix()
const limits = { durable: true, maxMessages: 100, maxBytes: 1e7 }

describe.skipIf(!(await kafkaThere()))('other clients', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterAll(async () => {
    for (const end of ends) await end()
    await removeTopics(prefix)
  })

  async function member() {
    const transport = kafka({ brokers: [address], prefix, partitions: 4 })
    await transport.open(() => {})
    ends.push(() => transport.close())
    return transport
  }
  const queue = (name: string) => ({ address: name, kind: 'point-to-point' }) as const

  test('read what Pabal writes: the CloudEvents binding in binary mode', { timeout: 30_000 }, async () => {
    const channel = queue('read')
    const transport = await member()
    await transport.provision([channel], 'create')
    const fields = { correlationId: 'c', replyTo: 'reply.someone', extensions: { traceparent: '00-ab' } }
    const message = sampleMessage('m-1', 1_700_000_000_123, { key: 'order-7', body: '{"a":1}', headers: { 'X-User': 'ü' }, fields })
    expect(await transport.send([{ channel, message, durable: true }])).toEqual(['sent'])
    const consumer = new driver.Consumer({
      groupId: `${prefix}other`,
      clientId: 'other',
      bootstrapBrokers: [address],
      deserializers: stringDeserializers,
    }) as Consumer<string, string, string, string>
    const stream = await consumer.consume({ topics: [`${prefix}read`], mode: 'earliest', autocommit: false })
    ends.push(() => stream.close().then(() => consumer.close(true)))
    for await (const { key, value, headers, partition } of stream) {
      expect([key, value]).toEqual(['order-7', '{"a":1}'])
      expect(partition).toBe((driver.murmur2(Buffer.from('order-7')) & 0x7fffffff) % 4)
      expect(Object.fromEntries(headers)).toEqual({
        ce_specversion: '1.0',
        ce_id: 'm-1',
        ce_source: 'conformance',
        ce_type: 'Sample',
        ce_time: '2023-11-14T22:13:20.123Z',
        ce_kind: 'command',
        ce_typeversion: '1',
        ce_partitionkey: 'order-7',
        ce_correlationid: 'c',
        ce_replyto: 'reply.someone',
        ce_traceparent: '00-ab',
        'content-type': 'application/json',
        'X-User': 'ü',
      })
      break
    }
  })

  test('write what Pabal reads: CloudEvents, and messages of their own', { timeout: 30_000 }, async () => {
    const channel = queue('write')
    const transport = await member()
    await transport.provision([channel], 'create')
    const came: Delivery[] = []
    await transport.subscribe(channel, limits, (delivery) => {
      came.push(delivery)
      return { emit: [] }
    })
    const producer = new Producer({ clientId: 'other', bootstrapBrokers: [address] })
    ends.push(() => producer.close(true))
    const headers = (of: Record<string, string>) =>
      new Map(Object.entries(of).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
    const topic = `${prefix}write`
    const event = {
      ce_specversion: '1.0',
      ce_id: 'e-1',
      ce_source: '/shop',
      ce_type: 'Bought',
      'content-type': 'application/json',
      mine: 'yes',
    }
    await producer.send({
      compression: 'gzip',
      messages: [
        { topic, key: Buffer.from('k'), value: Buffer.from('{"n":1}'), headers: headers(event) },
        { topic, key: Buffer.from('k'), value: Buffer.from([0, 255]), headers: headers({ whatever: 'x' }) },
        { topic, value: Buffer.from('no key, no headers') },
      ],
    })
    await expect.poll(() => came.length, { timeout: 10_000 }).toBe(3)
    const [first, second, third] = came
      .map(({ message }) => message)
      .sort(
        (a, b) =>
          ['Bought', 'pabal:foreign'].indexOf(a.type) - ['Bought', 'pabal:foreign'].indexOf(b.type) || (a.key === undefined ? 1 : -1),
      )
    expect(first).toMatchObject({ id: 'e-1', source: '/shop', type: 'Bought', kind: 'document', key: 'k', headers: { mine: 'yes' } })
    expect(Buffer.from(first?.body ?? []).toString()).toBe('{"n":1}')
    expect(second).toMatchObject({
      type: 'pabal:foreign',
      kind: 'document',
      key: 'k',
      headers: { whatever: 'x' },
      source: `kafka:${topic}`,
    })
    expect([...(second?.body ?? [])]).toEqual([0, 255])
    expect(third).toMatchObject({ type: 'pabal:foreign', key: undefined })
    expect(third?.id).toMatch(new RegExp(`^${topic}/[0-3]/\\d+$`))
    // The same key lies in the same partition, whoever sends it.
    expect(came.find(({ message }) => message.id === 'e-1')?.shard).toBe(String((driver.murmur2(Buffer.from('k')) & 0x7fffffff) % 4))
  })

  test('a topic that is not as it should be is reported and left alone', { timeout: 30_000 }, async () => {
    const transport = await member()
    const admin = new driver.Admin({ clientId: 'other', bootstrapBrokers: [address] })
    ends.push(() => admin.close())
    await admin.createTopics({ topics: [`${prefix}few`], partitions: 2, replicas: 1 })
    await admin.createTopics({
      topics: [`${prefix}compacted`],
      partitions: 4,
      replicas: 1,
      configs: [{ name: 'cleanup.policy', value: 'compact' }],
    })
    const channels = ['few', 'compacted', 'nowhere'].map(queue)
    for (const mode of ['check', 'create'] as const) {
      let message = ''
      await expect
        .poll(async () => {
          message = await transport.provision(mode === 'check' ? channels : channels.slice(0, 2), mode).then(
            () => '',
            (error: Error) => error.message,
          )
          return message
        })
        .toContain('cleanup.policy=compact')
      expect(message).toContain(`the topic ${prefix}few has 2 partitions, 4 are asked for`)
      expect(message.includes(`the topic ${prefix}nowhere is missing`)).toBe(mode === 'check')
    }
    expect((await admin.metadata({ topics: [`${prefix}few`] })).topics.get(`${prefix}few`)?.partitionsCount).toBe(2)
  })

  test('a topic that takes less than the broker gets smaller batches', { timeout: 30_000 }, async () => {
    const transport = await member()
    const admin = new driver.Admin({ clientId: 'other', bootstrapBrokers: [address] })
    ends.push(() => admin.close())
    const configs = [{ name: 'max.message.bytes', value: '20000' }]
    await admin.createTopics({ topics: [`${prefix}small`], partitions: 4, replicas: 1, configs })
    const channel = queue('small')
    await expect.poll(() => transport.provision([channel], 'check').then(() => 'there', String)).toBe('there')
    const batch = Array.from({ length: 300 }, (_, n) => ({
      channel,
      durable: true,
      message: sampleMessage(`m-${n}`, 1, { key: 'one', body: new Uint8Array(n === 150 ? 30_000 : 1000) }),
    }))
    const results = await transport.send(batch)
    expect(results.flatMap((result, n) => (result === 'sent' ? [] : [[n, (result as { code: string }).code]]))).toEqual([
      [150, 'MESSAGE_TOO_LARGE'],
    ])
    // From now on what stands beside it may be made.
    await transport.provision([channel], 'create')
    const ids: string[] = []
    await transport.subscribe(channel, limits, ({ message }) => {
      ids.push(message.id)
      return { emit: [] }
    })
    await expect.poll(() => ids.length, { timeout: 10_000 }).toBe(299)
    expect(ids).toEqual(batch.map(({ message }) => message.id).filter((id) => id !== 'm-150'))
  })

  test('an idle member is told, once', { timeout: 30_000 }, async () => {
    const warnings: string[] = []
    const channel = queue('narrow')
    const open = async () => {
      const transport = kafka({ brokers: [address], prefix, partitions: 1 })
      await transport.open((state) => state.ready && state.warning !== undefined && warnings.push(state.warning))
      ends.push(() => transport.close())
      return transport
    }
    const [one, two] = [await open(), await open()]
    await one.provision([channel], 'create')
    await one.subscribe(channel, limits, () => ({ emit: [] }))
    await two.subscribe(channel, limits, () => ({ emit: [] }))
    await expect.poll(() => warnings.length, { timeout: 10_000 }).toBe(1)
    expect(warnings[0]).toContain('is idle: there are 2 members for the 1 partitions')
    const [depth] = ((await one.admin?.depths()) ?? []).filter((row) => row.channel.address === 'narrow')
    expect(Object.values(depth?.owners ?? {}).sort()).toEqual([0, 1])
    expect(Object.keys(depth?.shards ?? {})).toEqual(['0'])
    await new Promise<void>((resolve) => void systemRuntime.timer(500, resolve))
    expect(warnings).toHaveLength(1)
  })

  test('make a topic anew under its reader, who reads it from its beginning', { timeout: 60_000 }, async () => {
    const channel = queue('anew')
    const transport = await member()
    await transport.provision([channel], 'create')
    const came: string[] = []
    await transport.subscribe(channel, limits, ({ message }) => {
      came.push(message.id)
      return { emit: [] }
    })
    const send = async (by: typeof transport, ids: string[]) => {
      const message = (id: string) => sampleMessage(id, 1_700_000_000_000, { key: 'k' })
      expect(await by.send(ids.map((id) => ({ channel, message: message(id), durable: true })))).toEqual(ids.map(() => 'sent'))
    }
    const before = ['m-1', 'm-2', 'm-3', 'm-4']
    await send(transport, before)
    await expect.poll(() => came, { timeout: 10_000 }).toEqual(before)
    const admin = new driver.Admin({ clientId: 'test', bootstrapBrokers: [address] })
    ends.push(() => admin.close())
    const topics = [`${prefix}anew`]
    await admin.deleteTopics({ topics })
    await expect.poll(() => admin.listTopics(), { timeout: 10_000 }).not.toContain(topics[0])
    await admin.createTopics({ topics, partitions: 4, replicas: 1 })
    const other = await member()
    await send(other, ['n-1', 'n-2'])
    await expect.poll(() => came.slice(4), { timeout: 20_000 }).toEqual(['n-1', 'n-2'])
    await send(other, ['n-3'])
    await expect.poll(() => came.slice(4), { timeout: 10_000 }).toEqual(['n-1', 'n-2', 'n-3'])
  })
})
