import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startKafka, type Throwaway } from '../../scripts/services/throwaway.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { until } from '../../src/testing/waiting.ts'
import { kafka } from '../../src/transport/kafka/index.ts'
import type { Transport, TransportState } from '../../src/transport/seam.ts'
import { kafkaThere } from './broker.ts'

const pause = (ms: number) => new Promise<void>((resolve) => void systemRuntime.timer(ms, resolve))

describe.skipIf(!(await kafkaThere()))('a broker that is restarted', () => {
  let server: Throwaway
  const opened: Transport[] = []
  beforeAll(async () => {
    server = await startKafka()
  }, 120_000)
  afterAll(async () => {
    await Promise.all(opened.map((transport) => transport.close()))
    await server?.stop()
  }, 60_000)

  async function member(states: TransportState[] = []) {
    const transport = kafka({ brokers: [`127.0.0.1:${server.port}`], partitions: 8 })
    opened.push(transport)
    await transport.open((state) => states.push(state))
    return transport
  }
  const wait = (condition: () => boolean, what: () => string, progress: () => unknown) =>
    until(systemRuntime, 40_000, condition, what, progress)

  test('at one and two thirds of 10,000 messages of 100 producers: all arrive, in order for each key (13)', {
    timeout: 180_000,
  }, async () => {
    const channel = { address: 'thirds', kind: 'point-to-point' } as const
    const states: TransportState[] = []
    const [sender, consumer] = [await member(states), await member()]
    await sender.provision([channel], 'create')
    const seen = new Map<string, string[]>()
    const handled = new Set<string>()
    await consumer.subscribe(channel, { durable: true, maxMessages: 100, maxBytes: 1e7 }, ({ message }) => {
      if (!handled.has(message.id)) {
        handled.add(message.id)
        const key = message.key as string
        seen.set(key, [...(seen.get(key) ?? []), message.id])
      }
      return { emit: [] }
    })
    let sent = 0
    const refused: unknown[] = []
    const produce = async (producer: number): Promise<void> => {
      for (let n = 0; n < 100; n++) {
        const message = sampleMessage(`${producer}-${n}`, systemRuntime.now(), { key: `k${producer}` })
        const [result] = await sender.send([{ channel, durable: true, message }])
        if (result !== 'sent') refused.push(result)
        sent++
        if (systemRuntime.random() < 0.2) await pause(systemRuntime.random() * 10)
      }
    }
    const producing = Promise.all(Array.from({ length: 100 }, (_, producer) => produce(producer)))
    for (const part of [3333, 6666]) {
      await wait(
        () => sent >= part,
        () => `${sent} of ${part} sent`,
        () => sent,
      )
      await server.restart()
    }
    await producing
    expect(refused).toEqual([])
    await wait(
      () => handled.size === 10_000,
      () => `${handled.size} of 10,000 handled`,
      () => handled.size,
    )
    for (const [key, ids] of seen) expect(ids).toEqual(Array.from({ length: 100 }, (_, n) => `${key.slice(1)}-${n}`))
    expect(states.some((state) => !state.ready)).toBe(true)
    expect(states.at(-1)).toMatchObject({ ready: true })
  })
})
