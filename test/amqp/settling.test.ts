import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

/** A new queue may not be sent to for a moment (decision 5): who has waited leaves a mark on the broker. */
describe.skipIf(!up)('a sender', () => {
  const environment = new Environment('settling')
  afterAll(() => environment.sweep(), 60_000)
  const member = () => environment.member(4)
  const made = (what: string) =>
    readFileSync(environment.file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`exchange ${environment.prefix}:kitchen`) && line.endsWith(what)).length

  test('that knew the channel before its reader came waits for no queue that the reader has made', { timeout: 60_000 }, async () => {
    const channel: Channel = { address: 'kitchen', kind: 'point-to-point' }
    const sender = await member()
    const send = (key: string) => sender.send([{ channel, durable: true, message: sampleMessage(key, 1, { key }) }])
    expect(await send('k-0')).toEqual(['sent'])
    expect(made('/settled')).toBe(1)
    const reader = await member()
    const seen = new Set<string>()
    await reader.subscribe(channel, { durable: true, maxMessages: 100, maxBytes: 1e6 }, ({ message }) => {
      seen.add(message.id)
      return { emit: [] }
    })
    await expect.poll(() => made('/whole'), { timeout: 20_000 }).toBe(1)
    const keys = Array.from({ length: 20 }, (_, n) => `k-${n + 1}`)
    for (const key of keys) expect(await send(key)).toEqual(['sent'])
    expect(made('/settled')).toBe(1)
    await expect.poll(() => [...seen].sort(), { timeout: 20_000 }).toEqual(['k-0', ...keys].sort())
  })
})
