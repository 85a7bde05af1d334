import { z } from 'zod'
import {
  asks,
  type ContractOf,
  command,
  defineService,
  document,
  event,
  failure,
  type Handlers,
  notification,
  query,
} from '../../src/contract/index.ts'

/** The contracts that the tests of this folder talk about. */
const Ticket = z.object({ orderId: z.string(), lines: z.array(z.object({ quantity: z.number() })) })
const kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    createTicket: command(Ticket, {
      key: 'orderId',
      replies: { TicketCreated: z.object({ ticketId: z.string() }), RestaurantClosed: failure(z.object({ until: z.string() })) },
    }),
    remindCook: notification(z.object({ ticketId: z.string() })),
  },
  documents: { menuSheet: document(z.string(), { content: 'text' }) },
  queries: { menu: query(z.object({ restaurantId: z.string() }), { replies: { Menu: z.object({ dishes: z.array(z.string()) }) } }) },
  events: {
    Ticket: { TicketAccepted: event(z.object({ ticketId: z.string() })), TicketPickedUp: event(z.object({ ticketId: z.string() })) },
  },
})
export interface Kitchen extends ContractOf<typeof kitchen> {}
export const Kitchen: Kitchen = kitchen

const courier = defineService('courier', {
  version: '1.0.0',
  queries: { quote: query(z.object({ parcel: z.string() }), { to: 'many', replies: { Quote: z.object({ price: z.number() }) } }) },
})
export interface Courier extends ContractOf<typeof courier> {}
export const Courier: Courier = courier

const order = defineService('order', {
  version: '1.0.0',
  commands: {
    place: command(z.object({ orderId: z.string() }), {
      key: 'orderId',
      replies: { Placed: z.object({ ticketId: z.string() }), Refused: z.object({}) },
    }),
    begin: notification(z.object({ orderId: z.string() })),
  },
  events: { Order: { OrderPlaced: event(z.object({ orderId: z.string() })) } },
  uses: {
    createTicket: asks(Kitchen.commands.createTicket, { context: z.object({ orderId: z.string() }) }),
    remind: asks(Kitchen.commands.remindCook),
    quote: asks(Courier.queries.quote),
    menu: asks(Kitchen.queries.menu),
  },
})
export interface Order extends ContractOf<typeof order> {}
export const Order: Order = order

/** Answers everything; tests replace what they are about. */
export const plainKitchen: Handlers<Kitchen> = {
  createTicket: ({ payload, reply }) => reply.TicketCreated({ ticketId: `t-${payload.orderId}` }),
  remindCook: () => {},
  menuSheet: () => {},
  menu: ({ payload, reply }) => reply.Menu({ dishes: [payload.restaurantId] }),
}

export const plainOrder: Handlers<Order> = {
  place: ({ reply }) => reply.Refused({}),
  begin: () => {},
  replies: { createTicket: { TicketCreated: () => {}, RestaurantClosed: () => {} } },
}
