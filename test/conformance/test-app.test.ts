import { expect, test } from 'vitest'
import { z } from 'zod'
import { asks, command, defineService, event, notification, on, query } from '../../src/index.ts'
import { fake, testApp as start } from '../../src/testing/index.ts'

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const testApp: typeof start = (options) => start({ logger: quiet, ...options })

const Ticket = z.object({ orderId: z.string(), dishes: z.number() })
const Kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    createTicket: command(Ticket, { key: 'orderId', replies: { TicketCreated: z.object({ ticketId: z.string() }), Closed: z.object({}) } }),
    remindCook: notification(Ticket),
  },
  queries: { menu: query(z.object({}), { replies: { Menu: z.object({ dishes: z.array(z.string()) }) } }) },
  events: { Ticket: { Accepted: event(Ticket) } },
})
const Order = defineService('order', {
  version: '1.0.0',
  commands: { place: command(z.object({ orderId: z.string() }), { key: 'orderId', replies: { Placed: z.object({}) } }) },
  events: { Order: { Confirmed: event(z.object({ ticketId: z.string() })) } },
  uses: { createTicket: asks(Kitchen.commands.createTicket) },
})

async function startOrder(test: Awaited<ReturnType<typeof testApp>>, fail = 0) {
  let failures = fail
  return test.serve(Order, {
    place: async ({ payload, call, reply }) => {
      if (failures-- > 0) throw new Error('not yet')
      await call.createTicket.send({ orderId: payload.orderId, dishes: 2 })
      return reply.Placed({})
    },
    replies: {
      createTicket: {
        TicketCreated: async ({ payload, publish }) => void (await publish.Order.Confirmed('o-1', { ticketId: payload.ticketId })),
        Closed: () => {},
      },
    },
  })
}

test('a service runs against a fake; what was sent and published can be looked at', async () => {
  await using app = await testApp()
  await startOrder(app)
  const kitchen = await app.fake(Kitchen, { createTicket: { TicketCreated: { ticketId: 't-1' } } })
  const { order } = app.clients({ order: Order })
  expect((await order.place({ orderId: 'o-1' })).type).toBe('Placed')
  await app.idle()
  expect(kitchen.received('createTicket').map(({ payload, key }) => [payload.dishes, key])).toEqual([[2, 'o-1']])
  expect(app.sent(Kitchen.commands.createTicket).map(({ payload, channel }) => [payload.orderId, channel])).toEqual([['o-1', 'kitchen']])
  expect(app.published(Order.events.Order.Confirmed).map(({ payload }) => payload.ticketId)).toEqual(['t-1'])
  expect(app.published()).toHaveLength(1)
  expect(app.sent().map(({ message }) => message.type)).toEqual(['place', 'createTicket', 'Placed', 'TicketCreated', 'Order.Confirmed'])
})

test('idle waits for retries', async () => {
  await using app = await testApp()
  await startOrder(app, 3)
  const kitchen = await app.fake(Kitchen, { createTicket: { TicketCreated: { ticketId: 't-1' } } })
  await app.clients({ order: Order }).order.place.send({ orderId: 'o-1' })
  await app.idle()
  expect(kitchen.received('createTicket')).toHaveLength(1)
})

test('idle says what is still under way', async () => {
  await using app = await testApp({ drain: '50ms' })
  let end = () => {}
  await app.fake(Kitchen, { remindCook: () => new Promise<void>((resolve) => (end = resolve)) })
  await app.clients({ kitchen: Kitchen }).kitchen.remindCook({ orderId: 'o-1', dishes: 1 })
  await expect(app.idle(50)).rejects.toThrow('1 messages are being handled')
  end()
  await app.idle()
})

test('a fake answers with a handler, validates like any service, and publishes', async () => {
  await using app = await testApp()
  const kitchen = await app.fake(Kitchen, {
    createTicket: ({ payload, reply }) => (payload.dishes > 9 ? reply.Closed({}) : reply.TicketCreated({ ticketId: payload.orderId })),
    menu: { Menu: { dishes: ['rice'] } },
  })
  const client = app.clients({ kitchen: Kitchen }).kitchen
  expect((await client.createTicket({ orderId: 'a', dishes: 10 })).type).toBe('Closed')
  expect((await client.menu({})).payload.dishes).toEqual(['rice'])
  await expect(client.createTicket({ orderId: 'a', dishes: 'many' } as never)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
  const seen: string[] = []
  const watcher = await app.app()
  await watcher.on(on(Kitchen.events.Ticket, { Accepted: ({ key }) => void seen.push(key) }))
  await kitchen.publish.Ticket.Accepted('k-1', { orderId: 'a', dishes: 1 })
  await app.idle()
  expect(seen).toEqual(['k-1'])
})

test('a fake that was told no answer says so', async () => {
  const failed: string[] = []
  await using app = await testApp({ onDelivery: ({ message, error }) => failed.push(`${message.type} ${error?.code}`) })
  await app.fake(Kitchen)
  const { kitchen } = app.clients({ kitchen: Kitchen })
  await kitchen.remindCook({ orderId: 'a', dishes: 1 })
  await app.idle()
  expect(failed, 'a notification needs no answer').toEqual([])
  await expect(kitchen.menu({}, { within: '2s' })).rejects.toMatchObject({ code: 'REMOTE_ERROR' })
  expect(failed.at(-1)).toBe('menu NO_REPLY')
})

test('a fake refuses answers to what is not declared', () => {
  expect(() => fake(Kitchen, { bake: {} } as never)).toThrow(expect.objectContaining({ code: 'NOT_DECLARED' }))
  expect(() => fake(Kitchen).publish).toThrow(expect.objectContaining({ code: 'CLOSED' }))
})
