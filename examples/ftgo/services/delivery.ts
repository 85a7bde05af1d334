import { type App, type HandlerContext, on } from 'pabal'
import { Delivery } from '../contracts/delivery.ts'
import { Kitchen } from '../contracts/kitchen.ts'
import { Effects } from '../lib/effects.ts'
import { cents } from '../lib/money.ts'
import { openDatabase, type Place } from '../lib/place.ts'
import { courierCount, startCouriers } from './couriers.ts'

type Call = HandlerContext<Delivery>['call']
type Parcel = Parameters<Call['quote']['gather']>[0]

/** Books the cheapest courier for every ticket that a kitchen accepted. */
export async function startDelivery(app: App, place: Place): Promise<void> {
  const database = openDatabase(
    place,
    'delivery',
    'CREATE TABLE IF NOT EXISTS bookings (order_id TEXT PRIMARY KEY, courier TEXT, price TEXT, quotes INTEGER)',
  )
  const find = database.prepare('SELECT courier, price, quotes FROM bookings WHERE order_id = ?')
  const put = database.prepare('INSERT OR IGNORE INTO bookings VALUES (?, ?, ?, ?)')
  const effects = new Effects(place, 'delivery', database)
  await startCouriers(app)

  await app.serve(Delivery, {
    on: [
      on(Kitchen.events.Ticket, {
        TicketAccepted: async ({ payload: { orderId, collectFrom, deliverTo }, call, publish }) => {
          // Decided once: another asking could find another courier the cheapest.
          if (find.get(orderId) === undefined) {
            const best = await cheapest(call, { orderId, collectFrom, deliverTo })
            put.run(orderId, best.courier, best.price, best.quotes)
          }
          const booked = find.get(orderId)
          await effects.once('courier-booked', orderId)
          await publish.Delivery.CourierBooked(orderId, {
            orderId,
            courier: String(booked?.courier),
            price: String(booked?.price),
            quotes: Number(booked?.quotes),
          })
        },
      }),
    ],
  })
}

/** Publish/async responses: one question, every courier company answers for itself, and the slow ones are not waited for. */
async function cheapest(call: Call, parcel: Parcel): Promise<{ courier: string; price: string; quotes: number }> {
  let best: { courier: string; price: string } | undefined
  let quotes = 0
  for await (const answer of call.quote.gather(parcel, { within: '500ms', until: { count: courierCount } })) {
    if (answer.type === 'Busy') continue
    quotes++
    if (best === undefined || cents(answer.payload.price) < cents(best.price)) best = { courier: answer.from, price: answer.payload.price }
  }
  // Every company can be busy; then the restaurant's own rider goes.
  return { ...(best ?? { courier: 'own rider', price: '6.50' }), quotes }
}
