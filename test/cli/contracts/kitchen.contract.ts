import { asks, command, defineService, document, event, failure, notification, query } from 'pabal'
import { z } from 'zod'

export const Kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    cook: notification(z.object({ dish: z.string(), n: z.number() }), { key: 'dish' }),
    createTicket: command(z.object({ orderId: z.string() }), {
      key: 'orderId',
      replies: { Created: z.object({ ticketId: z.string() }), Closed: failure(z.object({ until: z.string() })) },
    }),
  },
  documents: { photo: document(z.instanceof(Uint8Array), { content: 'binary' }), note: document(z.string(), { content: 'text' }) },
  queries: {
    menu: query(z.object({ id: z.string().optional() }), { replies: { Menu: z.array(z.string()) } }),
    quote: query(z.object({}), { to: 'many', replies: { Quote: z.object({ price: z.number() }) } }),
  },
  events: { Ticket: { Accepted: event(z.object({ n: z.number() })), Done: event(z.object({ n: z.number() })) } },
})

export const Order = defineService('order', {
  version: '1.0.0',
  uses: {
    make: asks(Kitchen.commands.createTicket, { context: z.object({ at: z.string() }) }),
    waited: asks(Kitchen.commands.createTicket, { awaited: true }),
    menu: asks(Kitchen.queries.menu),
    quote: asks(Kitchen.queries.quote),
  },
})
