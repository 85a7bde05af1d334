import { type App, on, type ServiceHandle } from 'pabal'
import { Delivery } from '../contracts/delivery.ts'
import { Kitchen } from '../contracts/kitchen.ts'
import { Order } from '../contracts/order.ts'
import { Website } from '../contracts/website.ts'
import type { Tracker } from './tracker.ts'

/** Serves the website: hears what became of its orders. */
export function startWebsite(app: App, tracker: Tracker): Promise<ServiceHandle<Website>> {
  return app.serve(Website, {
    replies: {
      createOrder: {
        OrderReceived: () => undefined,
        OrderRefused: ({ context }) => void context.placedAt,
      },
    },
    on: [
      on(Order.events.Order, {
        OrderAuthorized: ({ key }) => tracker.ended(key, 'approved'),
        OrderRejected: ({ key }) => tracker.ended(key, 'rejected'),
      }),
      on(Kitchen.events.Ticket, { TicketPreparationStarted: ({ key }) => tracker.cooking(key) }),
      on(Delivery.events.Delivery, { CourierBooked: ({ key }) => tracker.booked(key) }),
    ],
  })
}
