import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startKafka, type Throwaway } from '../../scripts/services/throwaway.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { type KafkaOptions, kafka } from '../../src/transport/kafka/index.ts'
import type { Outgoing, SendResult, Transport, TransportState } from '../../src/transport/seam.ts'
import { kafkaThere } from './broker.ts'

const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))
const limits = { durable: true, maxMessages: 100, maxBytes: 1e7 }

// A throwaway broker can be started where the usual one could.
describe.skipIf(!(await kafkaThere()))('a broker that is gone for a while', () => {
  let server: Throwaway
  const opened: Transport[] = []
  let named = 0

  beforeAll(async () => {
    server = await startKafka()
  }, 120_000)
  afterAll(async () => {
    await Promise.all(opened.map((transport) => transport.close()))
    await server?.stop()
  }, 60_000)

  async function member(options: Partial<KafkaOptions> = {}) {
    const states: TransportState[] = []
    const transport = kafka({ brokers: [`127.0.0.1:${server.port}`], partitions: 4, ...options })
    opened.push(transport)
    await transport.open((state) => states.push(state))
    return { transport, states }
  }
  const queue = () => ({ address: `queue${++named}`, kind: 'point-to-point' }) as const
  const outgoing = (channel: ReturnType<typeof queue>, n: number): Outgoing => ({
    channel,
    durable: true,
    message: sampleMessage(`m-${n}`, systemRuntime.now(), { key: `k${n % 8}` }),
  })

  test('what was acknowledged arrives, in order for its key, through two kills under load', { timeout: 120_000 }, async () => {
    const { transport: producer, states } = await member()
    const { transport: consumer } = await member()
    const channel = queue()
    await producer.provision([channel], 'create')
    const came = new Map<string, number[]>()
    await consumer.subscribe(channel, limits, ({ message }) => {
      const all = came.get(message.key as string) ?? []
      came.set(message.key as string, [...all, Number(message.id.slice(2))])
      return { emit: [] }
    })
    const acknowledged: number[] = []
    let sent = 0
    let stop = false
    const refused: unknown[] = []
    const senders = Array.from({ length: 20 }, async () => {
      while (!stop) {
        const n = sent++
        const [result] = await producer.send([outgoing(channel, n)])
        if (result === 'sent') acknowledged.push(n)
        else refused.push(result)
        await pause(1 + systemRuntime.random() * 10)
      }
    })
    for (let kill = 0; kill < 2; kill++) {
      await pause(1500)
      const before = acknowledged.length
      await server.kill()
      await pause(1000)
      await server.restart()
      await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(before + 100)
    }
    stop = true
    await Promise.all(senders)
    expect(refused).toEqual([])
    const seen = () => new Set([...came.values()].flat())
    await expect.poll(() => acknowledged.filter((n) => !seen().has(n)).length, { timeout: 40_000 }).toBe(0)
    // Duplicates are allowed; the first time of each is in order.
    for (const [key, all] of came) {
      const first = [...new Set(all)]
      const behind = first.filter((n, index) => index > 0 && n < (first[index - 1] as number))
      expect(behind, `out of order for ${key}`).toEqual([])
    }
    expect(states.map(({ ready }) => ready)).toContain(false)
    await expect.poll(() => states.at(-1)?.ready, { timeout: 10_000 }).toBe(true)
  })

  test('a send waits for its broker up to its deadline, and what waits is bounded', { timeout: 90_000 }, async () => {
    const { transport: patient } = await member({ maxPendingMessages: 50 })
    const { transport: hasty } = await member({ sendTimeout: 800 })
    const channel = queue()
    await patient.provision([channel], 'create')
    await hasty.provision([channel], 'create')
    await Promise.all([patient.send([outgoing(channel, 1)]), hasty.send([outgoing(channel, 2)])])
    await server.kill()
    const waiting = Array.from({ length: 60 }, (_, n) => patient.send([outgoing(channel, 100 + n)]))
    const code = (result: SendResult | undefined) => (typeof result === 'string' ? result : result?.code)
    const early = (await Promise.all(waiting.slice(50))).map(([result]) => code(result))
    expect(new Set(early)).toEqual(new Set(['OVERLOADED']))
    await pause(1000)
    expect(code((await patient.send([outgoing(channel, 99)]))[0])).toBe('OVERLOADED')
    const from = systemRuntime.monotonic()
    const [late] = await hasty.send([outgoing(channel, 3)])
    expect(code(late)).toBe('SEND_FAILED')
    expect(systemRuntime.monotonic() - from).toBeGreaterThan(700)
    expect(systemRuntime.monotonic() - from).toBeLessThan(8000)
    await server.restart()
    expect((await Promise.all(waiting.slice(0, 50))).map(([result]) => code(result))).toEqual(new Array(50).fill('sent'))
    expect(code((await hasty.send([outgoing(channel, 4)]))[0])).toBe('sent')
    const ids: string[] = []
    const { transport: reader } = await member()
    await reader.subscribe(channel, limits, ({ message }) => {
      ids.push(message.id)
      return { emit: [] }
    })
    await expect.poll(() => ids.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(53)
    await pause(300)
    // Each once: the broker tells a resend by the producer's number. What was given up may have gone out or not.
    expect(ids.filter((id) => id !== 'm-3').sort()).toEqual(
      [1, 2, 4, ...Array.from({ length: 50 }, (_, n) => 100 + n)].map((n) => `m-${n}`).sort(),
    )
  })

  test('a broker that answers nothing for a while is waited for', { timeout: 90_000 }, async () => {
    const { transport, states } = await member()
    const channel = queue()
    await transport.provision([channel], 'create')
    const ids: string[] = []
    await transport.subscribe(channel, limits, ({ message }) => {
      ids.push(message.id)
      return { emit: [] }
    })
    await transport.send([outgoing(channel, 1)])
    await expect.poll(() => ids, { timeout: 10_000 }).toEqual(['m-1'])
    server.freeze()
    const sending = transport.send([outgoing(channel, 2)])
    await pause(3000)
    server.thaw()
    expect(await sending).toEqual(['sent'])
    await expect.poll(() => ids.includes('m-2'), { timeout: 20_000 }).toBe(true)
    await expect.poll(() => states.at(-1)?.ready, { timeout: 10_000 }).toBe(true)
  })
})
