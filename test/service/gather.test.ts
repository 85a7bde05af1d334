import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineService, query } from '../../src/contract/index.ts'
import { deriveId } from '../../src/message/derive.ts'
import { errorOf, foreign, pause, Town, until } from './apps.ts'
import { Courier } from './kitchen.ts'

const parcel = { parcel: 'p' }

/** Couriers by name: milliseconds until each answers, or what it waits for; below 0 it fails. */
async function couriers(town: Town, delays: Record<string, number | Promise<void>>) {
  for (const [as, ms] of Object.entries(delays)) {
    await (await town.app()).serve(
      Courier,
      {
        quote: async ({ reply }) => {
          if (typeof ms !== 'number') await ms
          else if (ms < 0) throw new Error('no')
          else if (ms > 0) await pause(ms)
          return reply.Quote({ price: Number(ms) || 0 })
        },
      },
      { as },
    )
  }
  const app = await town.app({ within: '5s' })
  return { app, quote: app.client(Courier).quote }
}

test('all that are there: ends when each answered, the failing are listed', async () => {
  const { app, quote } = await couriers(new Town(), { a: 0, b: 10, broken: -1 })
  const result = await quote.gather(parcel).result()
  expect(result).toMatchObject({ ended: 'all', missing: [], failed: [{ from: 'broken', code: 'HANDLER_FAILED' }] })
  expect(result.replies.map((reply) => [reply.from, reply.payload.price])).toEqual([
    ['a', 0],
    ['b', 10],
  ])
  expect(app.health().inFlight).toBe(0)
})

test('by count, by quorum of the expected, by predicate, by deadline', async () => {
  const { quote } = await couriers(new Town(), { a: 0, b: 10, c: 20, slow: 3000 })
  expect(await quote.gather(parcel, { until: { count: 2 } }).result()).toMatchObject({
    ended: 'count',
    replies: [{ from: 'a' }, { from: 'b' }],
  })
  const quorum = await quote.gather(parcel, { expected: ['b', 'c', 'slow', 'absent'], until: { quorum: 2 } }).result()
  expect(quorum).toMatchObject({ ended: 'quorum', replies: [{ from: 'a' }, { from: 'b' }, { from: 'c' }], missing: ['slow', 'absent'] })
  const predicate = await quote.gather(parcel, { until: { when: (replies) => replies.some((reply) => reply.from === 'b') } }).result()
  expect(predicate).toMatchObject({ ended: 'predicate', replies: [{}, {}] })
  const deadline = await quote.gather(parcel, { within: '300ms' }).result()
  expect(deadline).toMatchObject({ ended: 'deadline', missing: ['slow'], replies: [{}, {}, {}] })
})

test('only the expected: ends when they have answered; whoever is absent is named', async () => {
  const { quote } = await couriers(new Town(), { a: 0, b: 5, slow: 3000 })
  expect(await quote.gather(parcel, { expected: ['a', 'b'] }).result()).toMatchObject({ ended: 'all', missing: [] })
  expect(await quote.gather(parcel, { expected: ['a', 'absent'], within: '300ms' }).result()).toMatchObject({
    ended: 'deadline',
    missing: ['absent'],
  })
})

test('with nobody there it ends at once', async () => {
  const app = await new Town().app()
  const started = performance.now()
  expect(await app.client(Courier).quote.gather(parcel, { within: '5s' }).result()).toMatchObject({
    ended: 'nobody',
    replies: [],
    failed: [],
  })
  expect(performance.now() - started).toBeLessThan(1000)
})

test('answers come as they are given; broken off early it is over; iterated twice both see all', async () => {
  let answer = (): void => {}
  const told = new Promise<void>((resolve) => (answer = resolve))
  const { app, quote } = await couriers(new Town(), { a: 0, b: told, c: told.then(() => pause(20)) })
  for await (const answer of quote.gather(parcel)) {
    expect(answer.from).toBe('a')
    break
  }
  // the others have not answered yet
  expect([app.health().inFlight, app.counters().lateReplies]).toEqual([0, 0])
  answer()
  const gathering = quote.gather(parcel)
  const names = async () => {
    const all: string[] = []
    for await (const answer of gathering) all.push(answer.from)
    return all
  }
  expect(await Promise.all([names(), names()])).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ])
  expect((await gathering.result()).replies.length).toBe(3)
  await until(() => app.counters().lateReplies === 2)
})

test('a second answer of one responder is dropped', async () => {
  const town = new Town()
  const wire = await town.wire()
  const channel = { address: 'courier.quote', kind: 'publish-subscribe' } as const
  await wire.provision([channel], 'create')
  await wire.subscribe(channel, { group: 'twice', durable: false, maxMessages: 9, maxBytes: 1e6 }, async ({ message }) => {
    const answer = (price: number) =>
      foreign(
        '',
        { id: deriveId(message.id, String(price)), source: 'twice', type: 'Quote', kind: 'reply', correlationId: message.correlationId },
        { price },
        { channel: { address: message.replyTo as string, kind: 'inbox' }, durable: false },
      )
    return { emit: [answer(1), answer(2)] }
  })
  const { quote } = await couriers(town, { other: 20 })
  const result = await quote.gather(parcel).result()
  expect(result.replies.map((reply) => [reply.from, reply.payload.price])).toEqual([
    ['twice', 1],
    ['other', 20],
  ])
})

test('asked twice under one id at the same time, both gather every answer', async () => {
  const { app, quote } = await couriers(new Town(), { a: 5, b: 10 })
  const both = await Promise.all([quote.gather(parcel, { id: 'same' }).result(), quote.gather(parcel, { id: 'same' }).result()])
  for (const { ended, replies } of both) expect([ended, replies.map(({ from }) => from)]).toEqual(['all', ['a', 'b']])
  expect(app.counters().lateReplies).toBe(0)
})

test('a gathering holds 100,000 answers; further ones are dropped', async () => {
  const town = new Town()
  const wire = await town.wire()
  const channel = { address: 'courier.quote', kind: 'publish-subscribe' } as const
  await wire.provision([channel], 'create')
  await wire.subscribe(channel, { group: 'crowd', durable: false, maxMessages: 9, maxBytes: 1e6 }, ({ message }) => {
    const answer = (n: number) =>
      foreign(
        '',
        { id: String(n), source: `courier ${n}`, type: 'Quote', kind: 'reply', correlationId: message.correlationId },
        { price: n },
        { channel: { address: message.replyTo as string, kind: 'inbox' }, durable: false },
      )
    return { emit: Array.from({ length: 100_010 }, (_, n) => answer(n)) }
  })
  const quote = (await town.app()).client(Courier).quote
  let held = 0
  const when = (replies: readonly unknown[]) => {
    held = replies.length
    return false
  }
  const gathering = quote.gather(parcel, { within: '20s', until: { when } })
  await until(() => held >= 100_000)
  await pause(50)
  expect(held).toBe(100_000)
  await gathering[Symbol.asyncIterator]().return?.()
})

test('what fits no declared reply counts as an answer that failed', async () => {
  const town = new Town()
  const Odd = defineService('courier', {
    version: '1.0.0',
    queries: {
      quote: query(z.object({ parcel: z.string() }), {
        to: 'many',
        replies: { Quote: z.object({ price: z.string() }), Other: z.object({}) },
      }),
    },
  })
  await (await town.app()).serve(Odd, { quote: ({ reply }) => reply.Quote({ price: 'text' }) }, { as: 'odd' })
  await (await town.app()).serve(Odd, { quote: ({ reply }) => reply.Other({}) }, { as: 'other' })
  const { quote } = await couriers(town, { good: 0 })
  const result = await quote.gather(parcel).result()
  expect(result).toMatchObject({ ended: 'all', replies: [{ from: 'good' }] })
  expect(result.failed.map((failed) => [failed.from, failed.code]).sort()).toEqual([
    ['odd', 'INVALID_MESSAGE'],
    ['other', 'INVALID_MESSAGE'],
  ])
})

test('a fault of the question, an aborted signal, a predicate that throws: iterating and the result say so', async () => {
  const { app, quote } = await couriers(new Town(), { a: 0, slow: 400 })
  const invalid = quote.gather({ parcel: 5 } as never)
  expect(await errorOf(invalid.result())).toMatchObject({ code: 'INVALID_PAYLOAD' })
  expect(await errorOf(invalid[Symbol.asyncIterator]().next())).toMatchObject({ code: 'INVALID_PAYLOAD' })
  expect(await errorOf(quote.gather(parcel, { signal: AbortSignal.abort() }).result())).toMatchObject({ code: 'CANCELLED' })
  const control = new AbortController()
  const during = quote.gather(parcel, { signal: control.signal })
  for await (const answer of during) {
    expect(answer.from).toBe('a')
    control.abort()
    break
  }
  const later = quote.gather(parcel, { signal: AbortSignal.timeout(20) })
  expect(await errorOf(later.result())).toMatchObject({ code: 'CANCELLED' })
  const cause = new Error('mine')
  const throwing = quote.gather(parcel, {
    until: {
      when: () => {
        throw cause
      },
    },
  })
  expect(await errorOf(throwing.result())).toBe(cause)
  // Nobody looks at this one: it must not become an unhandled rejection.
  quote.gather({ parcel: 5 } as never)
  await pause(5)
  expect(app.health().inFlight).toBe(0)
})
