import { asks, type ContractOf, defineService, event } from 'pabal'
import { z } from 'zod'
import { Courier } from './courier.ts'
import { Money } from './shared.ts'

const contract = defineService('deliveryService', {
  version: '1.0.0',
  description: 'Books a courier for every accepted ticket.',
  events: {
    Delivery: {
      CourierBooked: event(z.object({ orderId: z.string(), courier: z.string(), price: Money, quotes: z.int() })),
    },
  },
  uses: { quote: asks(Courier.queries.quote) },
})
export interface Delivery extends ContractOf<typeof contract> {}
export const Delivery: Delivery = contract
