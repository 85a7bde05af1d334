import type { HandlerContext } from 'pabal'
import type { Order } from '../contracts/order.ts'
import { cents } from '../lib/money.ts'
import type { NewOrder } from './orders.ts'

/**
 * Looks at a new order before anybody cooks: the menu by a query, the consumer by request/response. Undefined, or why it is refused.
 * Where nobody answers in time this throws, and the order is delivered again.
 */
export async function checkOrder(order: NewOrder, call: HandlerContext<Order>['call']): Promise<string | undefined> {
  const { orderId, consumerId, restaurantId, lines, total } = order
  const menu = await call.menu({ restaurantId }, { within: '2s' })
  if (menu.type === 'RestaurantUnknown') return menu.type
  const prices = new Map(menu.payload.dishes.map(({ name, price }) => [name, cents(price)]))
  let sum = 0
  for (const { dish, quantity } of lines) {
    const price = prices.get(dish)
    if (price === undefined) return 'DishUnknown'
    sum += price * quantity
  }
  if (sum !== cents(total)) return 'PriceChanged'
  const consumer = await call.validateOrder({ orderId, consumerId, total }, { within: '2s' })
  return consumer.failure ? consumer.type : undefined
}
