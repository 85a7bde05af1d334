import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { PabalError } from '../../src/errors.ts'
import { nowhere } from '../../src/interaction/deadlines.ts'
import { maxInFlight, ReplyInbox } from '../../src/interaction/inbox.ts'
import { wrap } from '../../src/testing/wrap.ts'
import { errorOf, foreign, listen, pause, Town, until } from './apps.ts'
import { Courier, Kitchen, plainKitchen } from './kitchen.ts'

const ticket = { orderId: 'o-1', lines: [{ quantity: 1 }] }

test('a command and a query get their own reply, with who answered', async () => {
  const town = new Town()
  const app = await town.app()
  await app.serve(Kitchen, plainKitchen)
  const kitchen = (await town.app()).client(Kitchen)
  expect(await kitchen.createTicket(ticket)).toMatchObject({
    type: 'TicketCreated',
    payload: { ticketId: 't-o-1' },
    from: 'kitchen',
    failure: false,
  })
  expect(await kitchen.menu({ restaurantId: 'r' })).toMatchObject({ type: 'Menu', payload: { dishes: ['r'] } })
})

test('the first request keeps its place and its payload, though the inbox is only being opened', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const kitchen = (await town.app({ within: '50ms' })).client(Kitchen)
  const lines = [{ quantity: 1 }]
  const first = errorOf(kitchen.createTicket({ orderId: 'o', lines }))
  lines.push({ quantity: 2 })
  const second = kitchen.remindCook({ ticketId: 't' })
  await Promise.all([first, second])
  await until(() => seen.length === 2)
  expect(seen.map((message) => message.type)).toEqual(['createTicket', 'remindCook'])
  expect(JSON.parse(Buffer.from(seen[0]?.body ?? []).toString()).lines.length).toBe(1)
  expect(seen[0]?.replyTo).toMatch(/^inbox\./)
})

test('a failure outcome is an answer that says so', async () => {
  const app = await new Town().app()
  await app.serve(Kitchen, { ...plainKitchen, createTicket: ({ reply }) => reply.RestaurantClosed({ until: 'ten' }) })
  expect(await app.client(Kitchen).createTicket(ticket)).toMatchObject({
    type: 'RestaurantClosed',
    failure: true,
    payload: { until: 'ten' },
  })
})

test('thousands in flight at once each get theirs, in any order', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, {
    ...plainKitchen,
    menu: async ({ payload, reply }) => {
      if (Number(payload.restaurantId) % 10 === 0) await pause(3)
      return reply.Menu({ dishes: [payload.restaurantId] })
    },
  })
  const app = await town.app()
  const { menu } = app.client(Kitchen)
  const answers = await Promise.all(Array.from({ length: 5000 }, (_, n) => menu({ restaurantId: String(n) })))
  expect(answers.every((answer, n) => answer.payload.dishes[0] === String(n))).toBe(true)
  expect(app.health().inFlight).toBe(0)
})

test('at the deadline a command is OUTCOME_UNKNOWN with the id to ask again; the late reply is dropped and counted', async () => {
  const town = new Town()
  const ids: string[] = []
  await (await town.app()).serve(Kitchen, {
    ...plainKitchen,
    createTicket: async ({ reply, message }) => {
      ids.push(message.id)
      if (ids.length === 1) await pause(100)
      return reply.TicketCreated({ ticketId: 't' })
    },
  })
  const app = await town.app()
  const kitchen = app.client(Kitchen, { within: '40ms' })
  const error = await errorOf(kitchen.createTicket(ticket))
  expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', id: ids[0], retryable: true })
  await until(() => app.counters().lateReplies === 1)
  expect(await kitchen.createTicket(ticket, { id: ids[0], within: '5s' })).toMatchObject({ type: 'TicketCreated' })
  expect(ids[1]).toBe(ids[0])
})

test('asked twice under one id at the same time, both get the answer', async () => {
  const app = await new Town().app()
  await app.serve(Kitchen, plainKitchen)
  const kitchen = app.client(Kitchen)
  const both = await Promise.all([kitchen.createTicket(ticket, { id: 'same' }), kitchen.createTicket(ticket, { id: 'same' })])
  expect(both.map((answer) => answer.type)).toEqual(['TicketCreated', 'TicketCreated'])
})

test('an inbox that could not be opened is tried again by the next call, and nobody waits for the one that failed', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, plainKitchen)
  const inner = town.hub.transport()
  const refusals = [new PabalError('STORE_BUSY', 'not now')]
  const flaky = wrap(inner, {
    inbox: (owner, receive) => {
      const refusal = refusals.pop()
      return refusal === undefined ? inner.inbox(owner, receive) : Promise.reject(refusal)
    },
  })
  const app = await town.app({}, flaky)
  const kitchen = app.client(Kitchen)
  expect(await errorOf(kitchen.createTicket(ticket))).toMatchObject({ code: 'STORE_BUSY' })
  expect(app.health().inFlight).toBe(0)
  expect(await kitchen.createTicket(ticket)).toMatchObject({ type: 'TicketCreated' })
})

test('at the deadline a query is TIMEOUT; with nobody there it is NO_RESPONDER at once', async () => {
  const town = new Town()
  const kitchen = (await town.app()).client(Kitchen)
  const nobody = await errorOf(kitchen.menu({ restaurantId: 'r' }, { within: '10s' }))
  expect(nobody).toMatchObject({ code: 'NO_RESPONDER', message: expect.stringContaining('kitchen.menu') })
  await (await town.app()).serve(Kitchen, { ...plainKitchen, menu: () => new Promise(() => {}) })
  expect(await errorOf(kitchen.menu({ restaurantId: 'r' }, { within: 30 }))).toMatchObject({ code: 'TIMEOUT' })
})

test('every request has a deadline, also where nobody gave one', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const app = await town.app({ within: '40ms' })
  expect(await errorOf(app.client(Kitchen).createTicket(ticket))).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(seen[0]?.extensions.within).toBe('40')
  const standard = await town.app()
  void standard
    .client(Kitchen)
    .createTicket(ticket)
    .catch(() => undefined)
  await until(() => seen.length === 2)
  expect(seen[1]?.extensions.within).toBe('30000')
})

test('an aborted signal ends the wait with CANCELLED; aborted before, nothing is sent', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const app = await town.app()
  const kitchen = app.client(Kitchen)
  expect(await errorOf(kitchen.createTicket(ticket, { signal: AbortSignal.abort() }))).toMatchObject({
    code: 'CANCELLED',
    message: expect.stringContaining('nothing was sent'),
  })
  const control = new AbortController()
  const asked = errorOf(kitchen.createTicket(ticket, { signal: control.signal }))
  await until(() => seen.length === 1)
  control.abort()
  expect(await asked).toMatchObject({ code: 'CANCELLED', id: seen[0]?.id })
  expect(app.health().inFlight).toBe(0)
  expect(seen.length).toBe(1)
})

test('a signal that outlives its requests keeps no listener of theirs', async () => {
  const app = await new Town().app()
  await app.serve(Kitchen, plainKitchen)
  const { signal } = new AbortController()
  await app.client(Kitchen).menu({ restaurantId: 'r' }, { signal })
  await errorOf(app.client(Kitchen).menu({ restaurantId: 5 } as never, { signal }))
  await app.client(Courier).quote.gather({ parcel: 'p' }, { signal, within: 20 }).result()
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a handler that fails tells its asker the code and nothing of what it threw', async () => {
  const town = new Town()
  const responder = await town.app({ retry: { attempts: 2, delay: 1 } })
  await responder.serve(Kitchen, {
    ...plainKitchen,
    menu: () => {
      throw new Error('password=secret')
    },
    createTicket: () => {
      throw new PabalError('TIMEOUT', 'token=secret')
    },
  })
  const kitchen = (await town.app()).client(Kitchen)
  const question = await errorOf(kitchen.menu({ restaurantId: 'r' }))
  expect(question).toMatchObject({ code: 'REMOTE_ERROR', message: expect.stringContaining('HANDLER_FAILED') })
  const command = await errorOf(kitchen.createTicket(ticket))
  expect(command).toMatchObject({ code: 'REMOTE_ERROR', message: expect.stringContaining('ATTEMPTS_SPENT') })
  for (const error of [question, command] as unknown as PabalError[]) {
    expect(error.message).toContain(error.id)
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain('secret')
  }
  expect(responder.counters()).toMatchObject({ deadLettered: 1, failedAttempts: 3 })
})

test('a reply that the contract does not name, or that does not fit, is refused at the caller', async () => {
  const town = new Town()
  const wire = await town.wire()
  await wire.provision([{ address: 'kitchen', kind: 'point-to-point' }], 'create')
  const answers = [
    ['Surprise', '{}'],
    ['Menu', '{"dishes":"none"}'],
    ['Menu', '{"dishes":'],
  ] as const
  let at = 0
  await wire.subscribe(
    { address: 'kitchen', kind: 'point-to-point' },
    { group: 'kitchen', durable: false, maxMessages: 10, maxBytes: 1e6 },
    async ({ message }) => {
      const [type, body] = answers[at++] as (typeof answers)[number]
      const reply = foreign(message.replyTo as string, { type, kind: 'reply', correlationId: message.correlationId }, body, {
        channel: { address: message.replyTo as string, kind: 'inbox' },
        durable: false,
      })
      return { emit: [reply] }
    },
  )
  const kitchen = (await town.app()).client(Kitchen)
  expect(await errorOf(kitchen.menu({ restaurantId: 'r' }))).toMatchObject({
    code: 'NOT_DECLARED',
    message: expect.stringContaining('"Surprise"'),
  })
  expect(await errorOf(kitchen.menu({ restaurantId: 'r' }))).toMatchObject({
    code: 'INVALID_MESSAGE',
    message: expect.stringContaining('payload.dishes'),
  })
  expect(await errorOf(kitchen.menu({ restaurantId: 'r' }))).toMatchObject({ code: 'INVALID_MESSAGE' })
})

test('a payload that does not fit is refused at the sender with its path, and nothing is sent', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const kitchen = (await town.app()).client(Kitchen)
  const wrong = { orderId: 'o', lines: [{ quantity: 'two' }] } as never
  expect(await errorOf(kitchen.createTicket(wrong))).toMatchObject({
    code: 'INVALID_PAYLOAD',
    message: expect.stringMatching(/^kitchen\.createTicket: payload\.lines\[0\]\.quantity: /),
  })
  expect(await errorOf(kitchen.createTicket({ orderId: '', lines: [] }))).toMatchObject({
    code: 'INVALID_KEY',
    message: expect.stringContaining('payload.orderId'),
  })
  for (const headers of [{ 'a\nb': 'x' }, { a: 'x\r\ny' }, JSON.parse('{"__proto__":"x"}')])
    expect(await errorOf(kitchen.createTicket(ticket, { headers }))).toMatchObject({ code: 'INVALID_HEADER' })
  expect(await errorOf(kitchen.menuSheet('x'.repeat(100_000_000)))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  expect(await errorOf(kitchen.createTicket(ticket, { id: '' }))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(await errorOf(kitchen.createTicket(ticket, { within: 'soon' as never }))).toMatchObject({ code: 'INVALID_OPTION' })
  await pause(20)
  expect(seen).toEqual([])
})

test('requests in flight are bounded', () => {
  const runtime = { now: () => 0, monotonic: () => 0, random: () => 0, id: () => '', timer: () => ({ cancel: () => {} }) }
  const inbox = new ReplyInbox({} as never, runtime, 'test', { lateReplies: 0 })
  const waiting = (n: number) => ({
    correlation: String(n),
    deadline: 1,
    slot: nowhere,
    sooner: undefined,
    later: undefined,
    replied: () => {},
    expired: () => {},
    closed: () => {},
  })
  for (let n = 0; n < maxInFlight; n++) inbox.add(waiting(n))
  expect(() => inbox.add(waiting(-1))).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
})

test('when the app closes, whoever still waits is told', async () => {
  const town = new Town()
  await listen(await town.wire(), 'kitchen')
  const app = await town.app()
  const kitchen = app.client(Kitchen)
  const asked = errorOf(kitchen.createTicket(ticket))
  await pause(10)
  await app.close()
  expect(await asked).toMatchObject({ code: 'CLOSED', message: expect.stringContaining('may still be carried out') })
  expect(await errorOf(kitchen.menu({ restaurantId: 'r' }))).toMatchObject({ code: 'CLOSED' })
})
