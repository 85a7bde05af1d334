import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import {
  asks,
  type ContractOf,
  command,
  defineService,
  document,
  event,
  failure,
  notification,
  older,
  on,
  query,
} from '../../src/contract/index.ts'

/** The contracts that the type tests share: one validator each. */

const Ticket = z.object({ orderId: z.string(), dishes: z.array(z.object({ name: z.string(), count: z.number().default(1) })) })
const TicketCreated = z.object({ ticketId: z.string(), at: z.string().transform((text) => new Date(text)) })
const RestaurantClosed = z.object({ until: z.string() })
const TicketAcceptedV1 = z.object({ ticket: z.string() })
const TicketAccepted = z.object({ ticketId: z.string(), readyBy: z.string() })

const kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    createTicket: command(Ticket, { key: 'orderId', replies: { TicketCreated, RestaurantClosed: failure(RestaurantClosed) } }),
    remindCook: notification(z.object({ ticketId: z.string() })),
  },
  documents: { stockList: document(z.string(), { content: 'text' }) },
  queries: { menu: query(z.object({ restaurantId: z.string() }), { replies: { Menu: z.object({ dishes: z.array(z.string()) }) } }) },
  events: {
    Ticket: {
      TicketAccepted: event(TicketAccepted, {
        version: 2,
        accepts: { 1: older(TicketAcceptedV1, (old) => ({ ticketId: old.ticket, readyBy: '' })) },
      }),
      TicketPickedUp: event(z.object({ ticketId: z.string() })),
    },
  },
})
export interface Kitchen extends ContractOf<typeof kitchen> {}
export const Kitchen: Kitchen = kitchen

const courier = defineService('courier', {
  version: '1.0.0',
  queries: {
    quote: query(v.object({ parcel: v.string() }), {
      to: 'many',
      replies: { Quote: v.object({ cents: v.pipe(v.string(), v.transform(Number)) }), Busy: v.object({}) },
    }),
  },
  events: { Courier: { Moved: event(v.object({ lat: v.number() })) } },
})
export interface Courier extends ContractOf<typeof courier> {}
export const Courier: Courier = courier

const consumer = defineService('consumer', {
  version: '1.0.0',
  commands: {
    checkConsumer: command(z.object({ consumerId: z.string() }), { replies: { Known: z.object({}), Unknown: failure(z.object({})) } }),
  },
})
export interface Consumer extends ContractOf<typeof consumer> {}
export const Consumer: Consumer = consumer

const OrderRef = type({ orderId: 'string' })
const order = defineService('order', {
  version: '1.0.0',
  commands: { place: command(type({ orderId: 'string', 'note?': 'string' }), { replies: { Placed: type({ orderId: 'string' }) } }) },
  events: { Order: { OrderPlaced: event(type({ orderId: 'string' })) } },
  uses: {
    createTicket: asks(Kitchen.commands.createTicket, { context: OrderRef }),
    remind: asks(Kitchen.commands.remindCook),
    menu: asks(Kitchen.queries.menu),
    quote: asks(Courier.queries.quote),
    checkConsumer: asks(Consumer.commands.checkConsumer, { awaited: true }),
  },
})
export interface Order extends ContractOf<typeof order> {}
export const Order: Order = order

export { on }
