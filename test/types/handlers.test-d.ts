import type { Handlers, Nobody, ServiceHandle, Subscription } from '../../src/contract/types/index.ts'
import type { Message } from '../../src/message/message.ts'
import { app } from './app.ts'
import { Courier, Kitchen, Order, on } from './ftgo.ts'
import { same } from './same.ts'

const busy: Handlers<Courier>['quote'] = ({ reply }) => reply.Busy({})

export async function kitchen(): Promise<ServiceHandle<Kitchen>> {
  const service = await app.serve(Kitchen, {
    createTicket: async ({ payload, reply, publish, message, headers, key, signal, attempt, lost, fence, remaining, call }) => {
      // The receiver gets the schema's output.
      same<typeof payload, { orderId: string; dishes: { name: string; count: number }[] }>(true)
      same<typeof message, Message>(true)
      same<typeof headers, Readonly<Record<string, string>>>(true)
      same<typeof key, string | undefined>(true)
      same<typeof signal, AbortSignal>(true)
      same<typeof attempt | typeof lost | typeof fence, number>(true)
      same<ReturnType<typeof remaining>, number | undefined>(true)
      same<keyof typeof call, never>(true)
      await publish.Ticket.TicketAccepted(payload.orderId, { ticketId: 't', readyBy: '18:00' }, { headers: {} })
      // @ts-expect-error: the key is a string
      await publish.Ticket.TicketAccepted(7, { ticketId: 't', readyBy: '18:00' })
      // @ts-expect-error: a field is missing
      await publish.Ticket.TicketAccepted(payload.orderId, { ticketId: 't' })
      // A reply takes its schema's input: `at` is text that the receiver makes a Date of.
      if (payload.dishes.length > 0) return reply.TicketCreated({ ticketId: 't', at: '2026-11-23' })
      // @ts-expect-error: the input, not the output
      reply.TicketCreated({ ticketId: 't', at: new Date() })
      // @ts-expect-error: headers are text
      reply.RestaurantClosed({ until: '18:00' }, { headers: { 'x-seat': 7 } })
      // @ts-expect-error: a reply goes where it was asked for
      reply.RestaurantClosed({ until: '18:00' }, { key: 'k' })
      return reply.RestaurantClosed({ until: '18:00' }, { headers: { 'x-seat': '7' } })
    },
    remindCook: ({ payload }) => {
      same<typeof payload, { ticketId: string }>(true)
    },
    stockList: async ({ payload }) => {
      same<typeof payload, string>(true)
    },
    menu: ({ payload, reply }) => reply.Menu({ dishes: [payload.restaurantId] }),
  })
  same<typeof service.name, 'kitchen'>(true)
  await service.publish.Ticket.TicketPickedUp('t', { ticketId: 't' })
  service.setConcurrency(4)
  // @ts-expect-error: not its event
  service.publish.Courier
  return service
}

/** A message of another client goes to the invalid messages or to a document of the contract. */
export async function foreign(handlers: Handlers<Kitchen>, couriers: Handlers<Courier>): Promise<void> {
  await app.serve(Kitchen, handlers, { foreign: 'stockList', as: 'kitchen' })
  await app.serve(Kitchen, handlers, { foreign: 'invalid' })
  // @ts-expect-error: a command
  await app.serve(Kitchen, handlers, { foreign: 'createTicket' })
  // @ts-expect-error: nothing that is declared
  await app.serve(Kitchen, handlers, { foreign: 'stocklist' })
  await app.serve(Courier, couriers, { foreign: 'invalid' })
  // @ts-expect-error: it has no documents
  await app.serve(Courier, couriers, { foreign: 'stockList' })
}

export const replying: Handlers<Order> = {
  place: async ({ payload, call, reply }) => {
    same<typeof payload, { orderId: string; note?: string }>(true)
    await call.createTicket.send({ orderId: payload.orderId, dishes: [] }, { context: { orderId: payload.orderId }, after: '1s' })
    // @ts-expect-error: not what the context's schema takes
    await call.createTicket.send({ orderId: payload.orderId, dishes: [] }, { context: { order: payload.orderId } })
    // A reply that is waited for has its context in the closure.
    const outcome = await call.createTicket({ orderId: payload.orderId, dishes: [] })
    same<typeof outcome.type, 'TicketCreated' | 'RestaurantClosed'>(true)
    const menu = await call.menu({ restaurantId: 'r' })
    same<typeof menu.payload, { dishes: string[] }>(true)
    const quotes = await call.quote.gather({ parcel: 'p' }, { until: { count: 1 } }).result()
    same<(typeof quotes.replies)[number]['type'], 'Quote' | 'Busy'>(true)
    const checked = await call.checkConsumer({ consumerId: 'c' })
    same<typeof checked.type, 'Known' | 'Unknown'>(true)
    // @ts-expect-error: declared to be awaited, so no reply comes later
    call.checkConsumer.send
    const accepted = await call.remind({ ticketId: 't' })
    // @ts-expect-error: nobody answers a notification
    accepted.type
    return reply.Placed({ orderId: payload.orderId })
  },
  // Exactly the used commands whose replies may come later: no notifications, queries or awaited commands.
  replies: {
    createTicket: {
      TicketCreated: ({ payload, context, from, publish }) => {
        same<typeof payload, { ticketId: string; at: Date }>(true)
        same<typeof context, { orderId: string }>(true)
        same<typeof from, string>(true)
        same<keyof typeof publish, 'Order'>(true)
      },
      // @ts-expect-error: a number is not expected
      RestaurantClosed: ({ payload }) => payload.until.length,
    },
  },
}

const later: Handlers<Order>['replies'] = { createTicket: { TicketCreated: () => {}, RestaurantClosed: async () => {} } }
export const more: Handlers<Order>['replies'] = {
  ...later,
  // @ts-expect-error: a notification has no replies
  remind: {},
}
export const fewer: Handlers<Order>['replies'] = {
  // @ts-expect-error: a reply is not handled
  createTicket: { TicketCreated: () => {} },
}

export async function subscribing(): Promise<void> {
  await app.serve(Courier, {
    quote: busy,
    on: [
      on(Kitchen.events.Ticket, {
        TicketAccepted: async ({ payload, key, publish, message }) => {
          same<typeof payload, { ticketId: string; readyBy: string }>(true)
          same<typeof key, string>(true)
          same<typeof message, Message>(true)
          // Inside `serve` a subscriber publishes and calls as its service.
          await publish.Courier.Moved(key, { lat: 37.5 })
          // @ts-expect-error: another's
          publish.Ticket
        },
      }),
      on(Order.events.Order, { OrderPlaced: ({ payload }) => same<typeof payload, { orderId: string }>(true) }),
    ],
  })
  // In a file of its own, the annotation says who subscribes.
  const moved: Subscription<Courier> = on(Kitchen.events.Ticket, {
    TicketPickedUp: async ({ key, publish }) => {
      await publish.Courier.Moved(key, { lat: 37.5 })
    },
  })
  await app.serve(Courier, { quote: busy, on: [moved] })
  // @ts-expect-error: it publishes as the courier, which nobody outside a service can
  await app.on(moved)

  // A subscriber that publishes nothing suits every service, and none.
  const plain: Subscription<Nobody> = on(Kitchen.events.Ticket, { TicketPickedUp: () => {} })
  await app.on(plain)
  await app.serve(Courier, { quote: busy, on: [plain] })
  await app.on(
    on(Kitchen.events.Ticket, {
      TicketPickedUp: ({ publish }) => {
        same<keyof typeof publish, never>(true)
      },
    }),
  )
  // @ts-expect-error: commands are not subscribed to
  on(Kitchen.commands, {})
  // @ts-expect-error: `on` takes what on(…) returns
  await app.serve(Courier, { quote: busy, on: [Kitchen.events.Ticket] })
}

/** Handlers of whatever a service declares nothing of may be left out; `any` is nowhere. */
export function names(handlers: Handlers<Kitchen>): void {
  same<keyof Handlers<Kitchen>, 'createTicket' | 'remindCook' | 'stockList' | 'menu' | 'replies' | 'on'>(true)
  same<Parameters<typeof handlers.menu>[0]['payload'], { restaurantId: string }>(true)
}
