import { afterAll, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { pause, until } from '../../src/testing/waiting.ts'
import { type AmqpConnection, amqp } from '../../src/transport/amqp/index.ts'
import type { Settlement, Transport } from '../../src/transport/seam.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))
const all = Array.from({ length: 300 }, (_, n) => `m-${n + 1}`)

/** A quorum queue puts what it gets back behind what it got back before. */
describe.skipIf(!up)('what former owners had out comes in its order', () => {
  const environment = new Environment('returned')
  const opened: Transport[] = []
  afterAll(async () => {
    await Promise.all(opened.map((transport) => transport.close()))
    await environment.sweep()
  }, 60_000)

  /** A member that can be killed: the broker hears no more of it than of a process that died. */
  async function member(prefetch: number) {
    const connections: AmqpConnection[] = []
    let dead = false
    const driver = {
      connect: async (address: never, socket: never) => {
        if (dead) throw new Error('dead')
        const connection = await environment.driver.connect(address, socket)
        connections.push(connection)
        return connection
      },
    }
    const transport = amqp({ url, prefix: environment.prefix, shards: 1, prefetch, sendWithin: 500, driver })
    opened.push(transport)
    await transport.open(() => {})
    const kill = (): void => {
      dead = true
      for (const { connection } of connections) (connection as { stream: { destroy(): void } }).stream.destroy()
    }
    return { transport, kill }
  }

  /** Reads; settles what `settles` says, and holds the rest for ever. Ids in the order in which they came. */
  async function reads({ transport }: { transport: Transport }, channel: Channel, settles: (id: string) => boolean = () => false) {
    const came: string[] = []
    const subscription = await transport.subscribe(channel, { durable: true, maxMessages: 1000, maxBytes: 1e9 }, ({ message }) => {
      came.push(message.id)
      return settles(message.id) ? { emit: [] } : new Promise<Settlement>(() => {})
    })
    return { came, subscription }
  }
  const has = (came: readonly string[], count: number): Promise<void> =>
    until(
      systemRuntime,
      8000,
      () => came.length >= count,
      () => `${came.length} of ${count} came, the last ${came.at(-1)}`,
      () => came.length,
    )

  async function filled(address: string): Promise<{ one: Awaited<ReturnType<typeof member>>; channel: Channel }> {
    const channel: Channel = { address, kind: 'point-to-point' }
    const one = await member(200)
    await one.transport.provision([channel], 'create')
    await one.transport.send(all.map((id) => ({ channel, durable: true, message: sampleMessage(id, 1, { key: 'k' }) })))
    return { one, channel }
  }

  test('one that died with many is followed by one that died with few', { timeout: 60_000 }, async () => {
    const { one, channel } = await filled('kitchen')
    const first = await reads(one, channel)
    await has(first.came, 200)
    one.kill()
    const two = await member(50)
    const second = await reads(two, channel)
    await has(second.came, 50)
    expect(second.came).toEqual(all.slice(0, second.came.length))
    two.kill()
    const third = await reads(await member(200), channel, () => true)
    await has(third.came, 300)
    expect(third.came).toEqual(all)
  })

  test('deaths one after the other, before anything of them was handed out and in the midst of it', { timeout: 60_000 }, async () => {
    const { one, channel } = await filled('bakery')
    const first = await reads(one, channel, (id) => Number(id.slice(2)) % 7 === 0)
    await has(first.came, 200)
    await pause(systemRuntime, 50)
    one.kill()
    for (const prefetch of [200, 3, 20, 1, 70, 200, 30]) {
      const next = await member(prefetch)
      const { came } = await reads(next, channel, (id) => Number(id.slice(2)) % 5 === 0)
      if (prefetch !== 20) await has(came, 1)
      else await pause(systemRuntime, 20)
      next.kill()
    }
    const last = await reads(await member(10), channel, () => true)
    await until(
      systemRuntime,
      8000,
      () => last.came.includes('m-300'),
      () => `${last.came.length} came`,
      () => last.came.length,
    )
    const numbers = last.came.map((id) => Number(id.slice(2)))
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    // All that was never settled is there.
    expect(numbers.filter((n) => n % 5 !== 0 && n % 7 !== 0).length).toBe(all.filter((_, n) => (n + 1) % 5 && (n + 1) % 7).length)
  })

  test('a member that begins while somebody looks deeper than any reader', { timeout: 60_000 }, async () => {
    const { one, channel } = await filled('cellar')
    const looks = await member(200)
    const looking = looks.transport.admin?.browse({ channel }, { limit: 250 })
    await pause(systemRuntime, 5)
    const first = await reads(one, channel)
    await has(first.came, 200)
    expect(first.came).toEqual(all.slice(0, first.came.length))
    await looking
    one.kill()
    const last = await reads(await member(20), channel, () => true)
    await has(last.came, 300)
    expect(last.came).toEqual(all)
  })

  test('a shard with more parked messages than a broker gives unasked is taken over', { timeout: 60_000 }, async () => {
    const channel: Channel = { address: 'freezer', kind: 'point-to-point' }
    const one = await member(200)
    await one.transport.provision([channel], 'create')
    const count = 2100
    const messages = Array.from({ length: count }, (_, n) => sampleMessage(`m-${n}`, 1, { key: 'k' }))
    await one.transport.send(messages.map((message) => ({ channel, durable: true, message })))
    const parked: Settlement = { park: { attempts: 1, code: 'HANDLER_FAILED', reason: 'it waits for a person' } }
    const options = { durable: true, maxMessages: 1000, maxBytes: 1e9 }
    let settled = 0
    await one.transport.subscribe(channel, options, () => {
      settled++
      return parked
    })
    await until(
      systemRuntime,
      8000,
      () => settled >= count,
      () => `${settled} of ${count} parked`,
      () => settled,
    )
    await pause(systemRuntime, 1000)
    one.kill()
    let there: number | undefined
    const assigned = (_: string, keys: ReadonlyMap<string, number>): void => {
      there = keys.get('k')
    }
    await (await member(200)).transport.subscribe(channel, { ...options, assigned }, () => new Promise<Settlement>(() => {}))
    await until(
      systemRuntime,
      8000,
      () => there !== undefined,
      () => 'nobody owns the shard',
    )
    expect(there).toBe(count)
  })
})
