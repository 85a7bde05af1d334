import { type App, on } from 'pabal'
import { Delivery } from '../contracts/delivery.ts'
import { History } from '../contracts/history.ts'
import { Kitchen } from '../contracts/kitchen.ts'
import { Order } from '../contracts/order.ts'
import { openDatabase, type Place } from '../lib/place.ts'

/** Keeps a view of every order from what the others publish. Writing the same thing twice changes nothing. */
export async function startHistory(app: App, place: Place): Promise<void> {
  const database = openDatabase(
    place,
    'history',
    'CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, state TEXT, total TEXT, ticket TEXT, courier TEXT)',
  )
  const set = (column: 'state' | 'total' | 'ticket' | 'courier') => {
    const statement = database.prepare(
      `INSERT INTO orders (id, ${column}) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET ${column} = excluded.${column}`,
    )
    return (orderId: string, value: string): void => void statement.run(orderId, value)
  }
  const state = set('state')
  const total = set('total')
  const ticket = set('ticket')
  const courier = set('courier')
  const count = database.prepare("SELECT coalesce(state, 'unknown') AS state, count(*) AS orders FROM orders GROUP BY 1")

  await app.serve(History, {
    summary: ({ reply }) =>
      reply.Summary({ states: Object.fromEntries(count.all().map((row) => [String(row.state), Number(row.orders)])) }),
    on: [
      on(Order.events.Order, {
        OrderCreated: ({ key, payload }) => total(key, payload.total),
        OrderAuthorized: ({ key }) => state(key, 'approved'),
        OrderRejected: ({ key, payload }) => {
          total(key, payload.total)
          state(key, 'rejected')
        },
      }),
      on(Kitchen.events.Ticket, {
        TicketCreated: ({ key }) => ticket(key, 'created'),
        TicketAccepted: ({ key }) => ticket(key, 'accepted'),
        TicketPreparationStarted: ({ key }) => ticket(key, 'in preparation'),
        TicketCancelled: ({ key }) => ticket(key, 'cancelled'),
      }),
      on(Delivery.events.Delivery, { CourierBooked: ({ key, payload }) => courier(key, payload.courier) }),
    ],
  })
}
