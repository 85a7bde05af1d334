import { type ContractOf, command, defineService, event, failure, notification, query } from 'pabal'
import { z } from 'zod'
import { Address, Line, Money } from './shared.ts'

const Ticket = z.object({ orderId: z.string(), ticketId: z.string() })

const contract = defineService('kitchenService', {
  version: '1.0.0',
  description: 'Restaurants, their menus, and the tickets that their cooks work from.',
  commands: {
    createTicket: command(z.object({ orderId: z.string(), restaurantId: z.string(), lines: z.array(Line), deliverTo: Address }), {
      key: 'orderId',
      replies: {
        TicketCreated: z.object({ ticketId: z.string() }),
        RestaurantClosed: failure(z.object({ until: z.string() })),
      },
    }),
    confirmTicket: command(z.object({ orderId: z.string() }), {
      key: 'orderId',
      replies: {
        TicketConfirmed: z.object({ ticketId: z.string() }),
        DishSoldOut: failure(z.object({ dish: z.string() })),
      },
    }),
    cancelTicket: command(z.object({ orderId: z.string() }), {
      key: 'orderId',
      replies: { TicketCancelled: z.object({ orderId: z.string() }) },
    }),
    remindCook: notification(Ticket, { key: 'orderId', description: 'Rings the bell in the kitchen. Nobody waits for an answer.' }),
  },
  queries: {
    menu: query(z.object({ restaurantId: z.string() }), {
      replies: {
        Menu: z.object({ restaurant: z.string(), dishes: z.array(z.object({ name: z.string(), price: Money })) }),
        RestaurantUnknown: failure(z.object({ restaurantId: z.string() })),
      },
    }),
  },
  events: {
    Ticket: {
      TicketCreated: event(Ticket),
      TicketAccepted: event(Ticket.extend({ restaurant: z.string(), collectFrom: Address, deliverTo: Address })),
      TicketPreparationStarted: event(Ticket),
      TicketCancelled: event(Ticket),
    },
  },
})
export interface Kitchen extends ContractOf<typeof contract> {}
export const Kitchen: Kitchen = contract
