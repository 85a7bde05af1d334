import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { pause } from '../../src/testing/waiting.ts'
import type { AmqpConnection } from '../../src/transport/amqp/driver.ts'
import type { Link } from '../../src/transport/amqp/link/link.ts'
import { type Published, Publisher } from '../../src/transport/amqp/send/publisher.ts'

/** A channel of a broker that answers questions when it is told to. */
class Slow extends EventEmitter {
  readonly published: string[] = []
  readonly questions: (() => void)[] = []

  publish(_exchange: string, _key: string, _content: Buffer, options: { messageId: string }): boolean {
    return this.published.push(options.messageId) > 0
  }
  prefetch(): Promise<void> {
    return new Promise((resolve) => this.questions.push(resolve))
  }
  async answer(): Promise<void> {
    this.questions.shift()?.()
    await pause(systemRuntime, 1)
  }
}

const connectionWith = (channel: Slow): AmqpConnection => ({ createChannel: async () => channel }) as unknown as AmqpConnection

async function passer() {
  const channel = new Slow()
  const publisher = new Publisher({ trouble: undefined } as Link, systemRuntime, 'questions', () => undefined)
  await publisher.up(connectionWith(channel))
  const told: [string, Published][] = []
  const publish = (id: string, lazy: boolean): void =>
    publisher.publish({
      exchange: '',
      routingKey: 'queue',
      content: Buffer.alloc(1),
      properties: { mandatory: true, messageId: id },
      id,
      deadline: systemRuntime.monotonic() + 60_000,
      again: false,
      lazy,
      done: (result) => told.push([id, result]),
    })
  return { channel, publisher, told, publish }
}

test('one question for all of a turn, asked at its end; later ones wait for the next', async () => {
  const { channel, told, publish } = await passer()
  for (const id of ['a', 'b', 'c']) publish(id, false)
  expect(channel.published).toEqual(['a', 'b', 'c'])
  await pause(systemRuntime, 1)
  expect(channel.questions.length).toBe(1)
  publish('d', false)
  await pause(systemRuntime, 1)
  // Its place is behind the question that is under way.
  expect([channel.questions.length, told.length]).toEqual([1, 0])
  await channel.answer()
  expect(told).toEqual(['a', 'b', 'c'].map((id) => [id, 'sent']))
  await pause(systemRuntime, 1)
  await channel.answer()
  expect(told.at(-1)).toEqual(['d', 'sent'])
  await pause(systemRuntime, 20)
  expect(channel.questions.length).toBe(0)
})

test('where nobody waits it is asked a little later, and at once where somebody else does', async () => {
  const { channel, publisher, told, publish } = await passer()
  publish('a', true)
  publish('b', false)
  await pause(systemRuntime, 1)
  expect(channel.questions.length).toBe(1)
  await channel.answer()
  expect(told.length).toBe(2)
  publish('c', true)
  await Promise.resolve()
  expect(channel.questions.length).toBe(0)
  const flushed = publisher.flushed()
  await pause(systemRuntime, 30)
  expect(channel.questions.length).toBe(1)
  await channel.answer()
  await flushed
  expect(told.at(-1)).toEqual(['c', 'sent'])
})

test('what comes back is told at once, and once', async () => {
  const { channel, told, publish } = await passer()
  publish('a', true)
  publish('b', true)
  channel.emit('return', { fields: { exchange: '', routingKey: 'queue' }, properties: { messageId: 'b' } })
  expect(told).toEqual([['b', 'unrouted']])
  await pause(systemRuntime, 30)
  await channel.answer()
  expect(told).toEqual([
    ['b', 'unrouted'],
    ['a', 'sent'],
  ])
})

test('a connection that breaks before the answer fails them, and the next one is asked anew', async () => {
  const { channel, publisher, told, publish } = await passer()
  publish('a', true)
  publish('b', false)
  await pause(systemRuntime, 1)
  publisher.down()
  expect(told.map(([id, result]) => [id, (result as { code?: string }).code])).toEqual([
    ['a', 'SEND_FAILED'],
    ['b', 'SEND_FAILED'],
  ])
  await channel.answer()
  await publisher.flushed()
  const next = new Slow()
  await publisher.up(connectionWith(next))
  publish('c', false)
  await pause(systemRuntime, 1)
  expect(next.questions.length).toBe(1)
  await next.answer()
  expect(told.at(-1)).toEqual(['c', 'sent'])
})
