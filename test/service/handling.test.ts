import { expect, test } from 'vitest'
import { z } from 'zod'
import type { HandlerContext } from '../../src/contract/index.ts'
import { defineService, event, on } from '../../src/contract/index.ts'
import type { Message } from '../../src/message/message.ts'
import { errorOf, foreign, listen, pause, Town, until } from './apps.ts'
import { Kitchen, Order, plainKitchen, plainOrder } from './kitchen.ts'

const ticket = { orderId: 'o-1', lines: [] }

test('what a handler sends leaves when it succeeds; of failed attempts only what was immediate', async () => {
  const town = new Town()
  const events = await listen(await town.wire(), 'Ticket', 'publish-subscribe')
  let attempts = 0
  await (await town.app({ retry: { delay: 1 } })).serve(Kitchen, {
    ...plainKitchen,
    remindCook: async ({ payload, publish, message }) => {
      await publish.Ticket.TicketAccepted('k', payload)
      await publish.Ticket.TicketPickedUp('k', payload, { immediate: true })
      await pause(5)
      expect(events.filter((event) => event.type === 'Ticket.TicketAccepted' && event.causationId === message.id)).toEqual([])
      if (++attempts < 3) throw new Error('again')
    },
  })
  await (await town.app()).client(Kitchen).remindCook({ ticketId: 't' })
  await until(() => events.some((event) => event.type === 'Ticket.TicketAccepted'))
  const of = (type: string) => events.filter((event) => event.type === type).map((event) => event.id)
  expect(of('Ticket.TicketAccepted').length).toBe(1)
  expect(of('Ticket.TicketPickedUp').length).toBe(3)
  expect(new Set(of('Ticket.TicketPickedUp')).size).toBe(1)
})

test('a handler that runs twice sends the same ids twice; each send of a run has its own', async () => {
  const town = new Town()
  const wire = await town.wire()
  const [events, commands] = [await listen(wire, 'Order', 'publish-subscribe'), await listen(wire, 'kitchen')]
  await (await town.app()).serve(Order, {
    ...plainOrder,
    begin: async ({ payload, publish, call }) => {
      await publish.Order.OrderPlaced('k', payload)
      await publish.Order.OrderPlaced('k', payload)
      await call.remind({ ticketId: 't' })
      await call.createTicket.send(ticket, { context: { orderId: 'o' } })
      await call.remind({ ticketId: 'mine' }, { id: 'my own' })
    },
  })
  const order = (await town.app()).client(Order)
  for (let n = 0; n < 2; n++) await order.begin({ orderId: 'o' }, { id: 'the same delivery' })
  await order.begin({ orderId: 'o' }, { id: 'another' })
  await until(() => events.length === 6 && commands.length === 9)
  const ids = (messages: Message[], size: number) =>
    [0, 1, 2].map((n) => messages.slice(n * size, (n + 1) * size).map((message) => message.id))
  for (const [first, second, other] of [ids(events, 2), ids(commands, 3)] as string[][][]) {
    expect(second).toEqual(first)
    expect(new Set(first).size).toBe(first?.length)
    expect(other).not.toEqual(first)
  }
  expect(commands[2]?.id).toBe('my own')
})

test('correlation, causation and trace context follow by themselves, through requests and replies', async () => {
  const town = new Town()
  const wire = await town.wire()
  const events = await listen(wire, 'Ticket', 'publish-subscribe')
  const asked: Message[] = []
  await (await town.app()).serve(Kitchen, {
    ...plainKitchen,
    createTicket: async ({ reply, publish, message }) => {
      asked.push(message)
      await publish.Ticket.TicketAccepted('k', { ticketId: 't' })
      return reply.TicketCreated({ ticketId: 't' })
    },
  })
  const reminded: Message[] = []
  const replied: Message[] = []
  await (await town.app()).serve(Order, {
    ...plainOrder,
    begin: async ({ call }) => {
      await call.createTicket(ticket)
      await call.createTicket.send(ticket, { context: { orderId: 'o' } })
    },
    replies: {
      createTicket: {
        TicketCreated: async ({ message, publish }) => {
          replied.push(message)
          await publish.Order.OrderPlaced('k', { orderId: 'o' })
        },
        RestaurantClosed: () => {},
      },
    },
    on: [],
  })
  await (await town.app()).on(
    on({ OrderPlaced: Order.events.Order.OrderPlaced }, { OrderPlaced: ({ message }) => void reminded.push(message) }),
  )
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' }
  await wire.send([foreign('order', { id: 'root', type: 'begin', kind: 'notification', extensions: trace }, { orderId: 'o' })])
  await until(() => reminded.length === 1 && events.length === 2 && asked.length === 2)
  for (const message of asked) {
    expect(message).toMatchObject({ causationId: 'root', correlationId: message.id, extensions: { ...trace, conversationid: 'root' } })
  }
  expect(events.map((event) => [event.correlationId, event.causationId])).toEqual(asked.map((message) => ['root', message.id]))
  expect(events[0]?.extensions).toEqual(trace)
  expect(replied[0]).toMatchObject({ causationId: asked[1]?.id, correlationId: asked[1]?.id, extensions: trace })
  expect(reminded[0]).toMatchObject({ correlationId: 'root', causationId: replied[0]?.id, extensions: trace })
})

test('the time that is left travels: a question inside a handler never waits longer than the asker of its handler', async () => {
  const town = new Town()
  const wire = await town.wire()
  const commands = await listen(wire, 'kitchen')
  const left: (number | undefined)[] = []
  let nested: unknown
  await (await town.app()).serve(Order, {
    ...plainOrder,
    place: async ({ call, reply, remaining }) => {
      left.push(remaining())
      await pause(30)
      left.push(remaining())
      nested = await errorOf(call.createTicket(ticket, { within: '10s' }))
      left.push(remaining())
      // Both deadlines are the same moment: without this the answer might still be in time.
      await pause(30)
      return reply.Refused({})
    },
    begin: ({ remaining }) => void left.push(remaining()),
  })
  const order = (await town.app()).client(Order)
  await errorOf(order.place({ orderId: 'o' }, { within: '600ms' }))
  await until(() => left.length === 3)
  expect(nested).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  const within = Number(commands[0]?.extensions.within)
  expect(left[0]).toBeLessThanOrEqual(600)
  expect(left[0]).toBeGreaterThan(100)
  expect(left[1]).toBeLessThan((left[0] ?? 0) - 25)
  expect(within).toBeLessThanOrEqual(Math.ceil(left[1] ?? 0))
  expect(left[2]).toBe(0)
  await order.begin({ orderId: 'o' })
  await until(() => left.length === 4)
  expect(left[3]).toBeUndefined()
})

test('a question whose asker has stopped waiting is dropped and counted', async () => {
  const town = new Town()
  const app = await town.app()
  let handled = 0
  await app.serve(Kitchen, {
    ...plainKitchen,
    menu: ({ reply }) => {
      handled++
      return reply.Menu({ dishes: [] })
    },
  })
  await (await town.wire()).send([
    foreign('kitchen', { type: 'menu', kind: 'query', extensions: { within: '0' } }, { restaurantId: 'r' }, { durable: false }),
  ])
  await until(() => app.counters().expired === 1)
  expect(handled).toBe(0)
})

test('a command whose asker has gone is carried out all the same, with what it asks others', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, plainKitchen)
  const app = await town.app({ retry: { delay: 60, jitter: 0 } })
  const tickets: string[] = []
  await app.serve(Order, {
    ...plainOrder,
    place: async ({ call, reply, attempt }) => {
      if (attempt === 1) throw new Error('not yet')
      const made = await call.createTicket(ticket)
      if (made.type === 'TicketCreated') tickets.push(made.payload.ticketId)
      return reply.Refused({})
    },
  })
  expect(await errorOf((await town.app()).client(Order).place({ orderId: 'o' }, { within: '20ms' }))).toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  })
  await until(() => app.counters().handled === 1)
  expect(tickets).toEqual(['t-o-1'])
})

test('a question that waited for a free handler longer than its asker does is dropped and counted', async () => {
  const town = new Town()
  const app = await town.app({ concurrency: 1 })
  const asked: string[] = []
  await app.serve(Kitchen, {
    ...plainKitchen,
    menu: async ({ payload, reply }) => {
      asked.push(payload.restaurantId)
      await pause(60)
      return reply.Menu({ dishes: [] })
    },
  })
  const kitchen = (await town.app()).client(Kitchen)
  const first = kitchen.menu({ restaurantId: 'first' })
  expect(await errorOf(kitchen.menu({ restaurantId: 'second' }, { within: '20ms' }))).toMatchObject({ code: 'TIMEOUT' })
  await first
  await until(() => app.counters().expired === 1)
  expect(asked).toEqual(['first'])
})

test('a context that is used after its handler ended refuses clearly, and nothing is sent', async () => {
  const town = new Town()
  const events = await listen(await town.wire(), 'Order', 'publish-subscribe')
  let kept: HandlerContext<Order> | undefined
  await (await town.app()).serve(Order, {
    ...plainOrder,
    begin: (context) => {
      kept = context
    },
  })
  await (await town.app()).client(Order).begin({ orderId: 'o' })
  await until(() => kept !== undefined)
  await pause(5)
  const ended = expect.objectContaining({ code: 'HANDLER_ENDED' })
  await expect(kept?.publish.Order.OrderPlaced('k', { orderId: 'o' })).rejects.toEqual(ended)
  expect(() => kept?.call.quote.gather({ parcel: 'p' })).toThrow(ended)
  await expect(kept?.call.createTicket(ticket)).rejects.toEqual(ended)
  await pause(20)
  expect(events).toEqual([])
})

test('a handler that returns nothing, or what is not declared, or what does not fit, is an error that says so', async () => {
  const town = new Town()
  const app = await town.app()
  const returned: unknown[] = [
    undefined,
    { type: 'Lost', payload: {} },
    { type: 'TicketCreated', payload: { ticketId: 5 } },
    null,
    'TicketCreated',
  ]
  await app.serve(Kitchen, { ...plainKitchen, createTicket: (() => returned.shift()) as never })
  const kitchen = (await town.app()).client(Kitchen)
  const codes = ['NO_REPLY', 'NOT_DECLARED', 'INVALID_PAYLOAD', 'NO_REPLY', 'NO_REPLY']
  for (const code of codes)
    expect(await errorOf(kitchen.createTicket(ticket))).toMatchObject({ code: 'REMOTE_ERROR', message: expect.stringContaining(code) })
  const found: string[] = []
  for await (const letter of app.deadLetters.list({ channel: 'kitchen' })) found.push(letter.code)
  expect(found).toEqual(codes)
})

test('a reply made by hand, as another copy of the library would, is as good', async () => {
  const app = await new Town().app()
  await app.serve(Kitchen, {
    ...plainKitchen,
    createTicket: (async () => ({ type: 'TicketCreated', payload: { ticketId: 'by hand' } })) as never,
  })
  expect(await app.client(Kitchen).createTicket(ticket)).toMatchObject({ payload: { ticketId: 'by hand' } })
})

test('an invalid publish fails the handler although nobody awaits it, with a synchronous schema or not', async () => {
  const slow = z.object({ orderId: z.string().refine(async () => false, 'never') })
  const events = { Order: { OrderPlaced: { ...Order.events.Order.OrderPlaced, schema: slow } } }
  for (const contract of [Order, { ...Order, events } as unknown as typeof Order]) {
    const app = await new Town().app()
    await app.serve(contract, {
      ...plainOrder,
      begin: ({ publish }) => void publish.Order.OrderPlaced('k', { orderId: contract === Order ? (5 as never) : 'o' }),
    })
    await app.client(contract).begin({ orderId: 'o' })
    await until(() => app.counters().deadLettered === 1)
    for await (const letter of app.deadLetters.list({ channel: 'order' })) expect(letter).toMatchObject({ code: 'INVALID_PAYLOAD' })
  }
})

test('what one handler sends keeps its order, also where some schemas are asynchronous', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'Order', 'publish-subscribe')
  const late = (id: string) => pause(id === 'first' ? 20 : 1).then(() => true)
  const slow = z.object({ orderId: z.string().refine(late) })
  const contract = {
    ...Order,
    events: { Order: { OrderPlaced: { ...Order.events.Order.OrderPlaced, schema: slow } } },
  } as unknown as typeof Order
  const app = await town.app()
  const order = await app.serve(contract, {
    ...plainOrder,
    begin: async ({ publish }) =>
      void (await Promise.all(['first', 'second'].map((orderId) => publish.Order.OrderPlaced('k', { orderId })))),
  })
  await app.client(contract).begin({ orderId: 'o' })
  await until(() => seen.length === 2)
  await Promise.all(['first', 'second'].map((orderId) => order.publish.Order.OrderPlaced('k', { orderId })))
  await until(() => seen.length === 4)
  expect(seen.map((message) => JSON.parse(Buffer.from(message.body).toString()).orderId)).toEqual(['first', 'second', 'first', 'second'])
})

test('what a handler was given: envelope, headers, key, attempt, fence', async () => {
  const town = new Town()
  const seen: unknown[] = []
  await (await town.app()).serve(Kitchen, {
    ...plainKitchen,
    createTicket: ({ payload, message, headers, key, attempt, lost, fence, signal, reply }) => {
      seen.push([payload, message.source, headers['X-Tenant'], key, attempt, lost, fence > 0, signal.aborted])
      return reply.TicketCreated({ ticketId: 't' })
    },
  })
  const app = await town.app({ name: 'web' })
  await app.client(Kitchen).createTicket(ticket, { headers: { 'X-Tenant': 'seoul' } })
  expect(seen).toEqual([[ticket, 'web', 'seoul', 'o-1', 1, 0, true, false]])
})

test('the bytes that a handler is given are its own: another attempt, another group and the dead letter have them as sent', async () => {
  const Scanner = defineService('scanner', {
    version: '1.0.0',
    events: { Scan: { Scanned: event(z.instanceof(Uint8Array), { content: 'binary' }) } },
  })
  const town = new Town()
  const scanner = await (await town.app()).serve(Scanner, {})
  const seen: string[] = []
  const subscribe = async (as: string, fail: boolean) => {
    const app = await town.app()
    const Reader = defineService(as, { version: '1.0.0' })
    const spoil = ({ payload }: { payload: Uint8Array }) => {
      seen.push(`${as} ${Buffer.from(payload)}`)
      payload.fill(0)
      if (fail) throw new Error('no')
    }
    await app.serve(Reader, { on: [on(Scanner.events.Scan, { Scanned: spoil })] }, { retry: { attempts: 2, delay: 1 } })
    return app
  }
  const failing = await subscribe('one', true)
  await subscribe('two', false)
  await scanner.publish.Scan.Scanned('k', Buffer.from('as sent'))
  await until(() => seen.length === 3 && failing.counters().deadLettered === 1)
  expect(seen.toSorted()).toEqual(['one as sent', 'one as sent', 'two as sent'])
  const letters: string[] = []
  for await (const { message } of failing.deadLetters.list({ channel: 'Scan', group: 'one' })) letters.push(`${Buffer.from(message.body)}`)
  expect(letters).toEqual(['as sent'])
})
