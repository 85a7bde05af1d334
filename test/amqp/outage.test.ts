import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRabbit, type Throwaway } from '../../scripts/services/throwaway.ts'
import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { pause, until } from '../../src/testing/waiting.ts'
import { type AmqpOptions, amqp } from '../../src/transport/amqp/index.ts'
import type { Outgoing, ParkNote, Transport, TransportState } from '../../src/transport/seam.ts'
import { restartedAtThirds } from '../conformance/restarted.ts'

let server: Throwaway
const opened: Transport[] = []
let count = 0

beforeAll(async () => {
  server = await startRabbit()
}, 90_000)

afterAll(async () => {
  await Promise.all(opened.map((transport) => transport.close()))
  await server.stop()
}, 60_000)

async function member(options: Partial<AmqpOptions> = {}, states: TransportState[] = []): Promise<Transport> {
  const transport = amqp({ url: server.url, shards: 4, ...options })
  opened.push(transport)
  await transport.open((state) => states.push(state))
  return transport
}

const queue = (): Channel => ({ address: `outage-${++count}`, kind: 'point-to-point' })
const outgoing = (channel: Channel, id: string, key: string | undefined, durable = true): Outgoing => ({
  channel,
  message: sampleMessage(id, systemRuntime.now(), { key }),
  durable,
})
const bounds = { maxMessages: 100, maxBytes: 1e7 }
const wait = (condition: () => boolean, what: () => string, progress?: () => unknown) =>
  until(systemRuntime, 30_000, condition, what, progress)

describe('a broker that goes away', () => {
  test('restarted at one and two thirds of 10,000 messages of 100 producers: all arrive, in order for each key (13)', async () => {
    const states: TransportState[] = []
    await restartedAtThirds({ server, sender: await member({}, states), states, consumer: await member(), patience: 30_000 })
  }, 120_000)

  test('inboxes and transient subscriptions are there again under their addresses; unsettled deliveries are told', async () => {
    const channel = queue()
    const other = queue()
    const states: TransportState[] = []
    const [asker, answerer] = [await member({}, states), await member()]
    await asker.provision([channel, other], 'create')
    const replies: string[] = []
    const inbox = await asker.inbox('asker', async ({ message }) => {
      replies.push(message.id)
      return { emit: [] }
    })
    await answerer.subscribe(channel, { durable: false, ...bounds }, async ({ message }) => ({
      emit: [outgoing({ address: inbox.address, kind: 'inbox' }, `to ${message.id}`, undefined, false)],
    }))
    const signals: AbortSignal[] = []
    let first = true
    const again: string[] = []
    await answerer.subscribe(other, { durable: true, ...bounds }, async ({ message, signal }) => {
      if (!first) {
        again.push(message.id)
        return { emit: [] }
      }
      first = false
      signals.push(signal)
      return new Promise(() => undefined)
    })
    expect(await asker.send([outgoing(channel, 'before', undefined, false), outgoing(other, 'held', 'k')])).toEqual(['sent', 'sent'])
    await wait(
      () => replies.includes('to before') && signals.length === 1,
      () => `${replies} ${signals.length}`,
    )
    await server.restart()
    await wait(
      () => signals[0]?.aborted === true,
      () => 'the delivery that was out is told',
    )
    await wait(
      () => again.includes('held'),
      () => 'what was out comes again',
    )
    await wait(
      () => states.at(-1)?.ready === true,
      () => 'ready again',
    )
    const results: unknown[] = []
    for (let tries = 0; !replies.includes('to after') && tries < 200; tries++) {
      results.push(...(await asker.send([outgoing(channel, 'after', undefined, false)])))
      await pause(systemRuntime, 100)
    }
    expect(replies, `sent: ${results.map(String).slice(-3)}`).toContain('to after')
  }, 90_000)

  test('a send while it is away waits until its deadline, and no longer; memory is bounded', async () => {
    const channel = queue()
    const states: TransportState[] = []
    const sender = await member({ sendWithin: 1500 }, states)
    await sender.provision([channel], 'create')
    expect(await sender.send([outgoing(channel, 'known', 'k')])).toEqual(['sent'])
    await server.kill()
    await wait(
      () => states.at(-1)?.ready === false,
      () => 'told',
    )
    const from = systemRuntime.monotonic()
    const [late] = await sender.send([outgoing(channel, 'late', 'k')])
    const took = systemRuntime.monotonic() - from
    expect(late).toMatchObject({ code: 'SEND_FAILED', id: 'late' })
    expect(took).toBeGreaterThan(1400)
    expect(took).toBeLessThan(3500)
    const [passing] = await sender.send([outgoing(channel, 'passing', undefined, false)])
    expect(passing).toMatchObject({ code: 'SEND_FAILED' })
    const many = Array.from({ length: 100_001 }, (_, n) => outgoing(channel, `m${n}`, 'k'))
    const results = await sender.send(many)
    expect(results.filter((result) => typeof result !== 'string' && result.code === 'OVERLOADED').length).toBeGreaterThanOrEqual(1)
    await server.restart()
    await wait(
      () => states.at(-1)?.ready === true,
      () => 'ready again',
    )
    // Its queues may take a moment longer than its port.
    let there: unknown
    for (let tries = 0; there !== 'sent' && tries < 10; tries++) [there] = await sender.send([outgoing(channel, 'there', 'k')])
    expect(there).toBe('sent')
    const stored = await sender.admin?.browse({ channel }, { limit: 10 })
    expect(stored?.map(({ message }) => message.id)).toContain('known')
  }, 90_000)

  test('killed just after a lane was made, and after a parking lot was: both are made again, and all goes on', async () => {
    const channel = queue()
    const states: TransportState[] = []
    const [sender, consumer] = [await member({ shards: 4 }), await member({ shards: 4 }, states)]
    await sender.provision([channel], 'create')
    const note: ParkNote = { due: 0, attempts: 1, code: 'HANDLER_FAILED', reason: 'it failed' }
    const handled: string[] = []
    let parking = 0
    await consumer.subscribe(channel, { durable: true, ...bounds }, async ({ message, parked }) => {
      if (message.id === 'failing' && parked === undefined) {
        parking++
        return { park: note }
      }
      handled.push(message.id)
      return { emit: [] }
    })
    // A quorum queue that was just made never answers after this.
    await server.restart()
    expect(await sender.send([outgoing(channel, 'first', 'k')])).toEqual(['sent'])
    await wait(
      () => handled.includes('first'),
      () => 'the first one is handled',
    )
    expect(await sender.send([outgoing(channel, 'failing', 'k')])).toEqual(['sent'])
    await wait(
      () => parking === 1,
      () => 'it is being parked',
    )
    await pause(systemRuntime, 50)
    await server.restart()
    expect(await sender.send([outgoing(channel, 'behind', 'k')])).toEqual(['sent'])
    await wait(
      () => handled.includes('behind') && handled.includes('failing'),
      () => `handled: ${handled}, parked ${parking} times`,
    )
    expect(states.at(-1)).toEqual({ ready: true })
  }, 120_000)
})
