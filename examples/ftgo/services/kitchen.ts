import type { App, Handlers } from 'pabal'
import { Kitchen } from '../contracts/kitchen.ts'
import { Effects } from '../lib/effects.ts'
import { openDatabase, type Place } from '../lib/place.ts'
import { readWorld } from '../lib/world.ts'
import { Tickets } from './tickets.ts'

export async function startKitchen(app: App, place: Place): Promise<void> {
  await app.serve(Kitchen, kitchenHandlers(place))
}

export function kitchenHandlers(place: Place): Handlers<Kitchen> {
  const database = openDatabase(place, 'kitchen', Tickets.table)
  const tickets = new Tickets(database)
  const effects = new Effects(place, 'kitchen', database)
  const restaurants = new Map(readWorld(place.ordersFile).restaurants.map((restaurant) => [restaurant.id, restaurant]))

  return {
    menu: ({ payload: { restaurantId }, reply }) => {
      const restaurant = restaurants.get(restaurantId)
      if (restaurant === undefined) return reply.RestaurantUnknown({ restaurantId })
      return reply.Menu({ restaurant: restaurant.name, dishes: restaurant.menu })
    },

    createTicket: async ({ payload, reply, publish }) => {
      const { orderId, restaurantId } = payload
      const closed = restaurants.get(restaurantId)?.closedUntil
      if (closed !== undefined) return reply.RestaurantClosed({ until: closed })
      const ticketId = tickets.create(payload)
      await publish.Ticket.TicketCreated(orderId, { orderId, ticketId })
      return reply.TicketCreated({ ticketId })
    },

    confirmTicket: async ({ payload: { orderId }, reply, publish }) => {
      const { ticketId, restaurantId, lines, deliverTo } = tickets.get(orderId)
      const restaurant = restaurants.get(restaurantId)
      if (restaurant === undefined) throw new Error(`Ticket ${ticketId} is for the unknown restaurant ${restaurantId}`)
      const missing = lines.find(({ dish }) => restaurant.soldOut?.includes(dish))
      if (missing !== undefined) return reply.DishSoldOut({ dish: missing.dish })
      await effects.once('ticket-confirmed', orderId)
      tickets.move(orderId, 'confirmed')
      await publish.Ticket.TicketAccepted(orderId, {
        orderId,
        ticketId,
        restaurant: restaurant.name,
        collectFrom: restaurant.address,
        deliverTo,
      })
      return reply.TicketConfirmed({ ticketId })
    },

    cancelTicket: async ({ payload: { orderId }, reply, publish }) => {
      const { ticketId } = tickets.get(orderId)
      await effects.once('ticket-cancelled', orderId)
      tickets.move(orderId, 'cancelled')
      await publish.Ticket.TicketCancelled(orderId, { orderId, ticketId })
      return reply.TicketCancelled({ orderId })
    },

    remindCook: async ({ payload, publish }) => {
      await effects.once('cook-reminded', payload.orderId)
      await publish.Ticket.TicketPreparationStarted(payload.orderId, payload)
    },
  }
}
