import { connect as dial } from 'amqplib'
import { afterAll, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { amqp } from '../../src/transport/amqp/index.ts'
import type { Delivery } from '../../src/transport/seam.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))
const limits = { durable: true, maxMessages: 100, maxBytes: 1e7 }

describe.skipIf(!up)('other clients', () => {
  const environment = new Environment('native')
  const { prefix } = environment
  const ends: (() => Promise<unknown>)[] = []
  afterAll(async () => {
    for (const end of ends) await end()
    await environment.sweep()
  }, 60_000)

  async function member(warnings: string[] = []) {
    const transport = amqp({ url, prefix, shards: 2, queues: 'classic', driver: environment.driver })
    await transport.open((state) => state.ready && state.warning !== undefined && warnings.push(state.warning))
    ends.push(() => transport.close())
    return transport
  }
  async function raw() {
    const connection = await dial(url)
    ends.push(() => connection.close())
    return connection.createConfirmChannel()
  }
  const queue = (address: string): Channel => ({ address, kind: 'point-to-point' })

  test('read what Pabal writes: CloudEvents attributes as headers', { timeout: 30_000 }, async () => {
    const channel: Channel = { address: 'Order', kind: 'publish-subscribe' }
    const transport = await member()
    await transport.provision([channel], 'create')
    const other = await raw()
    const { queue: own } = await other.assertQueue('', { exclusive: true })
    await other.bindQueue(own, `${prefix}:Order`, '#')
    const fields = { correlationId: 'c', replyTo: 'reply.someone', extensions: { traceparent: '00-ab' } }
    const message = sampleMessage('m-1', 1_700_000_000_123, { key: 'order-7', body: '{"a":1}', headers: { 'X-User': 'ü' }, fields })
    expect(await transport.send([{ channel, message, durable: true }])).toEqual(['sent'])
    await expect.poll(async () => (await other.checkQueue(own)).messageCount).toBe(1)
    const came = await other.get(own, { noAck: true })
    if (came === false) return expect.fail('nothing came')
    expect(came.content.toString()).toBe('{"a":1}')
    expect(came.properties).toMatchObject({ contentType: 'application/json', messageId: 'm-1', deliveryMode: 2 })
    expect(came.properties.headers).toEqual({
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': 'm-1',
      'cloudEvents:source': 'conformance',
      'cloudEvents:type': 'Sample',
      'cloudEvents:time': '2023-11-14T22:13:20.123Z',
      'cloudEvents:kind': 'command',
      'cloudEvents:typeversion': '1',
      'cloudEvents:partitionkey': 'order-7',
      'cloudEvents:correlationid': 'c',
      'cloudEvents:replyto': 'reply.someone',
      'cloudEvents:traceparent': '00-ab',
      'X-User': 'ü',
    })
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
    const other = await raw()
    const attributes = { specversion: '1.0', id: 'e-1', source: '/shop', type: 'Bought', partitionkey: 'k' }
    const headers = {
      ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value])),
      mine: 'yes',
    }
    other.publish(`${prefix}:write`, '0', Buffer.from('{"n":1}'), { contentType: 'application/json', headers })
    other.publish(`${prefix}:write`, 'unkeyed', Buffer.from([0, 255]), { messageId: 'native-1', headers: { whatever: 7 } })
    const event = { ...attributes, id: 'e-2', datacontenttype: 'application/json', data: { n: 2 } }
    const structured = { contentType: 'application/cloudevents+json' }
    other.publish(`${prefix}:write`, '0', Buffer.from(JSON.stringify(event)), structured)
    await other.waitForConfirms()
    await expect.poll(() => came.length, { timeout: 10_000 }).toBe(3)
    const of = (id: string) => came.find(({ message }) => message.id === id)?.message
    expect(of('e-1')).toMatchObject({ source: '/shop', type: 'Bought', kind: 'document', key: 'k', headers: { mine: 'yes' } })
    expect(Buffer.from(of('e-1')?.body ?? []).toString()).toBe('{"n":1}')
    expect(of('e-2')).toMatchObject({ source: '/shop', type: 'Bought', contentType: 'application/json' })
    expect(JSON.parse(Buffer.from(of('e-2')?.body ?? []).toString())).toEqual({ n: 2 })
    expect(of('native-1')).toMatchObject({ type: 'pabal:foreign', kind: 'document', key: undefined, headers: { whatever: '7' } })
    expect(of('native-1')?.source).toBe(`amqp:${prefix}:write`)
    expect([...(of('native-1')?.body ?? [])]).toEqual([0, 255])
  })

  test('an idle member is told, once, and who looks sees who owns which shard', { timeout: 30_000 }, async () => {
    const warnings: string[] = []
    const channel = queue('narrow')
    const members = [await member(warnings), await member(warnings), await member(warnings)]
    await members[0]?.provision([channel], 'create')
    for (const one of members) await one.subscribe(channel, limits, () => ({ emit: [] }))
    await expect.poll(() => warnings.length, { timeout: 10_000 }).toBe(1)
    expect(warnings[0]).toContain(`a member of ${prefix}:narrow is idle: there are 3 members for its 2 shards`)
    const [depth] = ((await members[0]?.admin?.depths()) ?? []).filter((row) => row.channel.address === 'narrow')
    expect(Object.values(depth?.owners ?? {}).sort()).toEqual([0, 1, 1])
    expect(Object.keys(depth?.shards ?? {})).toEqual(['0', '1'])
    for (const owner of Object.values(depth?.shards ?? {})) {
      expect(owner).toContain(`pid ${process.pid} on `)
      expect(depth?.owners[owner]).toBe(1)
    }
    await new Promise<void>((resolve) => void systemRuntime.timer(2500, resolve))
    expect(warnings).toHaveLength(1)
  })
})
