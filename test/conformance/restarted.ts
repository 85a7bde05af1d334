import { expect } from 'vitest'
import type { Throwaway } from '../../scripts/services/throwaway.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { pause, until } from '../../src/testing/waiting.ts'
import type { Transport, TransportState } from '../../src/transport/seam.ts'

export interface Restarted {
  readonly server: Throwaway
  readonly sender: Transport
  /** What the sender said of its state. */
  readonly states: readonly TransportState[]
  readonly consumer: Transport
  /** How long nothing may happen, in milliseconds. */
  readonly patience: number
}

/** Scenario 13: a broker is restarted at one and two thirds of 10,000 messages of 100 producers. All arrive, in order for each key. */
export async function restartedAtThirds({ server, sender, states, consumer, patience }: Restarted): Promise<void> {
  const wait = (condition: () => boolean, what: () => string, progress?: () => unknown) =>
    until(systemRuntime, patience, condition, what, progress)
  const channel = { address: 'thirds', kind: 'point-to-point' } as const
  await sender.provision([channel], 'create')
  const seen = new Map<string, string[]>()
  const handled = new Set<string>()
  await consumer.subscribe(channel, { durable: true, maxMessages: 100, maxBytes: 1e7 }, async ({ message }) => {
    if (!handled.has(message.id)) {
      handled.add(message.id)
      const key = message.key as string
      ;(seen.get(key) ?? seen.set(key, []).get(key))?.push(message.id)
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
      if (systemRuntime.random() < 0.2) await pause(systemRuntime, systemRuntime.random() * 10)
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
  // A second connection of the sender may come back later than the last message.
  await wait(
    () => states.at(-1)?.ready === true,
    () => `the sender is not ready: ${JSON.stringify(states.at(-1))}`,
  )
}
