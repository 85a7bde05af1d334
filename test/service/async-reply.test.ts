import { expect, test } from 'vitest'
import { errorOf, foreign, listen, pause, Town, until } from './apps.ts'
import { Kitchen, Order, plainKitchen, plainOrder } from './kitchen.ts'

const ticket = { orderId: 'o-1', lines: [] }

test('the reply reaches its handler with the context that was given, and from whom', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, plainKitchen)
  const seen: unknown[] = []
  const order = await (await town.app()).serve(Order, {
    ...plainOrder,
    replies: {
      createTicket: { TicketCreated: ({ payload, context, from }) => void seen.push([payload, context, from]), RestaurantClosed: () => {} },
    },
  })
  expect(await order.call.createTicket.send(ticket, { context: { orderId: '파발' }, id: 'mine' })).toEqual({ id: 'mine' })
  await until(() => seen.length === 1)
  expect(seen).toEqual([[{ ticketId: 't-o-1' }, { orderId: '파발' }, 'kitchen']])
})

test('a reply brings the headers that its handler gave it', async () => {
  const town = new Town()
  const headers = { 'X-Seat': 'Größe 7' }
  await (await town.app()).serve(Kitchen, {
    ...plainKitchen,
    createTicket: ({ reply }) => reply.TicketCreated({ ticketId: 't' }, { headers }),
  })
  const seen: unknown[] = []
  const order = await (await town.app()).serve(Order, {
    ...plainOrder,
    replies: { createTicket: { TicketCreated: ({ headers }) => void seen.push(headers), RestaurantClosed: () => {} } },
  })
  await order.call.createTicket.send(ticket, { context: { orderId: 'o' } })
  await until(() => seen.length === 1)
  expect(seen).toEqual([headers])
})

test('the reply waits while the asking service is down, and reaches its next life', async () => {
  const town = new Town()
  const replies: unknown[] = []
  const handlers = {
    ...plainOrder,
    replies: {
      createTicket: { TicketCreated: ({ context }: { context: unknown }) => void replies.push(context), RestaurantClosed: () => {} },
    },
  }
  const first = await town.app()
  const order = await first.serve(Order, handlers)
  await order.call.createTicket.send(ticket, { context: { orderId: 'kept' } })
  await first.close()
  await (await town.app()).serve(Kitchen, plainKitchen)
  await pause(30)
  expect(replies).toEqual([])
  await (await town.app()).serve(Order, handlers)
  await until(() => replies.length === 1)
  expect(replies).toEqual([{ orderId: 'kept' }])
})

test('on the wire: the reply address of the service, its use and its context; the reply echoes them', async () => {
  const town = new Town()
  const wire = await town.wire()
  const commands = await listen(wire, 'kitchen')
  const order = await (await town.app()).serve(Order, plainOrder, { as: 'order-eu' })
  await order.call.createTicket.send(ticket, { context: { orderId: 'c' } })
  await until(() => commands.length === 1)
  expect(commands[0]).toMatchObject({
    replyTo: 'reply.order-eu',
    source: 'order-eu',
    kind: 'command',
    extensions: { replyuse: 'createTicket', replycontext: '{"orderId":"c"}' },
  })
  expect(commands[0]?.correlationId).toBe(commands[0]?.id)
})

test('a context that does not fit its schema is refused before anything is sent', async () => {
  const town = new Town()
  const commands = await listen(await town.wire(), 'kitchen')
  const order = await (await town.app()).serve(Order, plainOrder)
  const error = await errorOf(order.call.createTicket.send(ticket, { context: { orderId: 5 as never } }))
  expect(error).toMatchObject({ code: 'INVALID_PAYLOAD', message: expect.stringContaining('context.orderId') })
  await pause(20)
  expect(commands).toEqual([])
})

test('a reply without its context, or with one that does not fit, goes to the invalid messages', async () => {
  const town = new Town()
  const app = await town.app()
  await app.serve(Order, plainOrder)
  const wire = await town.wire()
  const reply = (extensions: Record<string, string>) =>
    foreign(
      'reply.order',
      { type: 'TicketCreated', kind: 'reply', extensions: { replyuse: 'createTicket', ...extensions } },
      { ticketId: 't' },
    )
  await wire.send([reply({}), reply({ replycontext: '{' }), reply({ replycontext: '{"orderId":1}' })])
  await until(() => app.counters().invalid === 3)
  const reasons: string[] = []
  for await (const { reason } of app.invalidMessages.list({ channel: 'reply.order' })) reasons.push(reason)
  expect(reasons).toEqual([
    expect.stringContaining('did not bring back the context'),
    expect.stringContaining('is not JSON'),
    expect.stringContaining('context.orderId'),
  ])
})

test('a reply handler that fails is tried again', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, plainKitchen)
  let tries = 0
  const replies = {
    createTicket: {
      TicketCreated: () => {
        if (++tries < 3) throw new Error('not yet')
      },
      RestaurantClosed: () => {},
    },
  }
  const order = await (await town.app({ retry: { delay: 1 } })).serve(Order, { ...plainOrder, replies })
  await order.call.createTicket.send(ticket, { context: { orderId: 'o' } })
  await until(() => tries === 3)
})

test('a message that asks for its reply outside the reply namespace goes to the invalid messages, unhandled', async () => {
  const town = new Town()
  const app = await town.app()
  let handled = 0
  await app.serve(Kitchen, {
    ...plainKitchen,
    createTicket: ({ reply }) => {
      handled++
      return reply.TicketCreated({ ticketId: 't' })
    },
  })
  const victim = await listen(await town.wire(), 'accounts')
  await (await town.wire()).send([
    foreign('kitchen', { replyTo: 'accounts' }, ticket),
    foreign('kitchen', { replyTo: 'reply.a.b' }, ticket),
  ])
  await until(() => app.counters().invalid === 2)
  const codes: string[] = []
  for await (const { code } of app.invalidMessages.list({ channel: 'kitchen' })) codes.push(code)
  expect(codes).toEqual(['INVALID_REPLY_ADDRESS', 'INVALID_REPLY_ADDRESS'])
  expect([handled, victim.length]).toEqual([0, 0])
})

test('one way: notifications, documents and a client that sends a command ask for no reply on the wire', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const kitchen = (await town.app()).client(Kitchen)
  await kitchen.remindCook({ ticketId: 't' })
  await kitchen.menuSheet('# menu')
  await kitchen.createTicket.send(ticket)
  await until(() => seen.length === 3)
  expect(seen.map((message) => [message.type, message.kind, message.replyTo, message.correlationId])).toEqual([
    ['remindCook', 'notification', undefined, undefined],
    ['menuSheet', 'document', undefined, undefined],
    ['createTicket', 'command', undefined, undefined],
  ])
  expect(Buffer.from(seen[1]?.body ?? []).toString()).toBe('# menu')
})

test('a delayed message comes when it is due; both ways to say so at once are refused', async () => {
  const town = new Town()
  const seen = await listen(await town.wire(), 'kitchen')
  const kitchen = (await town.app()).client(Kitchen)
  await kitchen.remindCook({ ticketId: 'later' }, { after: '500ms' })
  await kitchen.remindCook({ ticketId: 'dated' }, { at: new Date(Date.now() + 300) })
  await kitchen.remindCook({ ticketId: 'now' })
  await pause(20)
  expect(seen.length).toBe(1)
  await until(() => seen.length === 3)
  expect(seen.map((message) => JSON.parse(Buffer.from(message.body).toString()).ticketId)).toEqual(['now', 'dated', 'later'])
  expect(await errorOf(kitchen.remindCook({ ticketId: 'x' }, { after: 1, at: 2 }))).toMatchObject({ code: 'INVALID_OPTION' })
})
