import { describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { createConsumer } from '../../src/delivery/consumer.ts'
import { emptyCounters } from '../../src/delivery/counters.ts'
import { type DeliveryOptions, policyFrom } from '../../src/delivery/policy.ts'
import type { Consumer } from '../../src/delivery/types.ts'
import { SimulatedRuntime } from '../../src/runtime/simulated.ts'
import { createHub, type MemoryHub } from '../../src/transport/memory/index.ts'
import { heapInUse } from '../heap.ts'
import { Bench, delivery, message } from './harness.ts'

const channel: Channel = { address: 'Order', kind: 'publish-subscribe' }

class Flow {
  readonly runtime = new SimulatedRuntime(1)
  readonly hub: MemoryHub = createHub({ runtime: this.runtime, shards: 1 })
  readonly counters = emptyCounters()
  readonly handled: string[] = []
  readonly peak = { messages: 0, bytes: 0, running: 0 }
  handle: (id: string) => Promise<void> = async () => undefined

  pause = (ms: number): Promise<void> => new Promise((resolve) => void this.runtime.timer(ms, resolve))

  async join(options: DeliveryOptions): Promise<Consumer> {
    const transport = this.hub.transport()
    const capabilities = await transport.open(() => undefined)
    await transport.provision([channel], 'create')
    const consumer: Consumer = await createConsumer({
      transport,
      capabilities,
      runtime: this.runtime,
      channel,
      group: 'kitchen',
      durable: true,
      unknown: 'grace',
      policy: policyFrom(options),
      counters: this.counters,
      report: () => undefined,
      route: () => ({
        decode: ({ id }) => id,
        handle: async (id) => {
          const { running, waiting, bytes } = consumer.load
          this.peak.messages = Math.max(this.peak.messages, running + waiting)
          this.peak.bytes = Math.max(this.peak.bytes, bytes)
          this.peak.running = Math.max(this.peak.running, running)
          await this.handle(id as string)
          this.handled.push(id as string)
          return []
        },
      }),
    })
    return consumer
  }

  async send(ids: readonly string[], key: (id: string) => string | undefined): Promise<void> {
    const transport = this.hub.transport('sender')
    await transport.open(() => undefined)
    const results = await transport.send(
      ids.map((id) => ({ channel, message: message({ id, key: key(id), body: Buffer.alloc(840) }), durable: true })),
    )
    expect(results.every((result) => result === 'sent')).toBe(true)
  }
}

const numbers = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

describe('back-pressure', () => {
  test.each([
    ['messages', { maxMessages: 50 }, 50, 60_000],
    ['bytes', { maxBytes: 20_000 }, 20, 20_000],
  ])('what is handed out is bounded in %s however much waits, and nothing is given back or lost', async (_, bound, messages, bytes) => {
    const flow = new Flow()
    flow.handle = () => flow.pause(5)
    await flow.join({ concurrency: 8, ...bound })
    await flow.send(numbers('n', 2000), () => undefined)
    expect(await flow.runtime.run(() => flow.handled.length === 2000)).toBe(true)
    expect(flow.peak.messages).toBeLessThanOrEqual(messages)
    expect(flow.peak.messages).toBeGreaterThan(messages / 2)
    expect(flow.peak.bytes).toBeLessThanOrEqual(bytes)
    expect(flow.peak.running).toBe(8)
    expect(flow.counters).toMatchObject({ handled: 2000, released: 0, parked: 0 })
  })

  test('a consumer with twice the load that it can bear neither gives back nor parks what it cannot handle yet', async () => {
    const flow = new Flow()
    flow.handle = () => flow.pause(10)
    await flow.join({ concurrency: 4, maxMessages: 100 })
    for (let second = 0; second < 20; second++) {
      await flow.send(numbers(`s${second}-`, 800), (id) => `k${Number(id.split('-')[1]) % 50}`)
      await flow.runtime.run(1000)
    }
    expect(flow.peak.messages).toBeLessThanOrEqual(100)
    expect(flow.counters.handled).toBeGreaterThan(7000)
    expect(flow.counters).toMatchObject({ released: 0, parked: 0, failedAttempts: 0 })
  })
})

test('keys that come once leave nothing behind', async () => {
  const bench = await Bench.of({ route: () => ({ decode: () => undefined, handle: async () => [] }) })
  const receive = async (from: number): Promise<void> => {
    for (let i = from; i < from + 100_000; i++) await bench.receive(delivery({ id: 'x', key: `key-${i}` }))
  }
  await receive(0)
  const before = await heapInUse()
  await receive(100_000)
  // A hundred bytes a key would be ten times more.
  expect((await heapInUse()) - before).toBeLessThan(1_000_000)
  expect(bench.consumer.load).toEqual({ running: 0, waiting: 0, bytes: 0, heldKeys: 0, parkedKeys: 0 })
})

describe('a failed key with ten times more followers than the in-flight bound', () => {
  test('is parked, other keys flow, and order holds afterwards, also for a new owner', async () => {
    const flow = new Flow()
    const broken = new Set(['bad0'])
    flow.handle = async (id) => {
      await flow.pause(1)
      if (broken.has(id)) throw new Error('down')
    }
    const options = { maxMessages: 20, retry: { attempts: 1000, delay: 500, maxDelay: 5000 } }
    const first = await flow.join(options)
    await flow.send(['bad0', ...numbers('bad', 200).slice(1), ...numbers('good', 100)], (id) => (id.startsWith('bad') ? 'bad' : 'good'))
    await flow.runtime.run(400)
    expect(flow.handled).toEqual(numbers('good', 100))
    expect(first.load.parkedKeys).toBe(1)
    const closed = first.close(1000)
    const second = await flow.join(options)
    await flow.runtime.run(1000)
    await closed
    expect(second.load.parkedKeys).toBe(1)
    expect(flow.handled).toHaveLength(100)
    broken.clear()
    await flow.send(['bad200'], () => 'bad')
    await flow.runtime.run(20_000)
    expect(flow.handled.slice(100)).toEqual(numbers('bad', 201))
    expect(second.load).toMatchObject({ parkedKeys: 0, waiting: 0, running: 0, bytes: 0 })
    expect(flow.counters.deadLettered).toBe(0)
  })

  test('a head that never ends blocks the next of its key and nothing else', async () => {
    const flow = new Flow()
    let free = (): void => undefined
    const stuck = new Promise<void>((resolve) => {
      free = resolve
    })
    flow.handle = (id) => (id === 'bad0' ? stuck : flow.pause(1))
    await flow.join({ maxMessages: 20 })
    await flow.send([...numbers('bad', 200), ...numbers('good', 100)], (id) => (id.startsWith('bad') ? 'bad' : 'good'))
    await flow.runtime.run(5000)
    expect(flow.handled).toEqual(numbers('good', 100))
    free()
    await flow.runtime.run(5000)
    expect(flow.handled.slice(100)).toEqual(numbers('bad', 200))
  })
})
