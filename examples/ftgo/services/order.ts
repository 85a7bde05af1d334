import type { App, HandlerContext } from 'pabal'
import { Order } from '../contracts/order.ts'
import { openDatabase, type Place } from '../lib/place.ts'
import { checkOrder } from './check-order.ts'
import { Orders } from './orders.ts'

type Publish = HandlerContext<Order>['publish']

/**
 * Leads each order from step to step. Every handler may run again for the same message: it finds what it decided, does not decide
 * anew, and sends again what it sent before, under the same ids.
 */
export async function startOrder(app: App, place: Place): Promise<void> {
  const orders = new Orders(openDatabase(place, 'order', Orders.table))

  const reject = async (orderId: string, publish: Publish): Promise<void> => {
    orders.move(orderId, 'rejected')
    const { order, reason = 'unknown' } = orders.get(orderId)
    await publish.Order.OrderRejected(orderId, {
      consumerId: order.consumerId,
      restaurantId: order.restaurantId,
      total: order.total,
      reason,
    })
  }

  await app.serve(Order, {
    createOrder: async ({ payload, call, publish, reply }) => {
      const { orderId, consumerId, restaurantId, lines, total, deliverTo } = payload
      if (orders.find(orderId) === undefined) orders.add(payload, await checkOrder(payload, call))
      const { state, reason = 'unknown' } = orders.get(orderId)
      if (state === 'refused') {
        await reject(orderId, publish)
        return reply.OrderRefused({ orderId, reason })
      }
      await publish.Order.OrderCreated(orderId, { consumerId, restaurantId, total })
      // Request/async response: the answer reaches `replies` below, whenever it comes and whichever process then runs.
      await call.createTicket.send({ orderId, restaurantId, lines, deliverTo }, { context: { orderId } })
      return reply.OrderReceived({ orderId })
    },

    replies: {
      createTicket: {
        TicketCreated: async ({ context: { orderId }, call }) => {
          const { order } = orders.get(orderId)
          // Request/response: waits. Where no answer comes in time the handler fails and asks again under the same key.
          const answer = await call.authorize({ orderId, consumerId: order.consumerId, amount: order.total }, { within: '2s' })
          if (answer.type === 'Authorized') {
            await call.confirmTicket.send({ orderId }, { context: { orderId } })
            return
          }
          orders.move(orderId, 'compensating', answer.type)
          await call.cancelTicket.send({ orderId }, { context: { orderId } })
        },
        RestaurantClosed: async ({ context: { orderId }, publish }) => {
          orders.move(orderId, 'compensating', 'RestaurantClosed')
          await reject(orderId, publish)
        },
      },

      confirmTicket: {
        TicketConfirmed: async ({ payload: { ticketId }, context: { orderId }, call, publish }) => {
          orders.move(orderId, 'approved')
          const { order } = orders.get(orderId)
          await publish.Order.OrderAuthorized(orderId, {
            consumerId: order.consumerId,
            restaurantId: order.restaurantId,
            total: order.total,
          })
          // One-way notification: nobody answers.
          await call.remindCook({ orderId, ticketId })
        },
        DishSoldOut: async ({ context: { orderId }, call }) => {
          orders.move(orderId, 'compensating', 'DishSoldOut')
          await call.reverseAuthorization.send({ orderId }, { context: { orderId } })
        },
      },

      // Compensation runs backwards: the money first, then the ticket, then the order.
      reverseAuthorization: {
        AuthorizationReversed: async ({ context: { orderId }, call }) => {
          await call.cancelTicket.send({ orderId }, { context: { orderId } })
        },
      },
      cancelTicket: {
        TicketCancelled: ({ context: { orderId }, publish }) => reject(orderId, publish),
      },
    },
  })
}
