import { asks, type ContractOf, defineService } from 'pabal'
import { z } from 'zod'
import { Order } from './order.ts'

const contract = defineService('website', {
  version: '1.0.0',
  description: 'Where consumers order: sends the orders and follows them to their end.',
  uses: { createOrder: asks(Order.commands.createOrder, { context: z.object({ placedAt: z.string() }) }) },
})
export interface Website extends ContractOf<typeof contract> {}
export const Website: Website = contract
