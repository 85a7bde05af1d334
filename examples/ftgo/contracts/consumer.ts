import { type ContractOf, command, defineService, failure } from 'pabal'
import { z } from 'zod'
import { Money } from './shared.ts'

const contract = defineService('consumerService', {
  version: '1.0.0',
  description: 'Knows the people who order.',
  commands: {
    validateOrder: command(z.object({ orderId: z.string(), consumerId: z.string(), total: Money }), {
      key: 'orderId',
      description: 'May this consumer place this order?',
      replies: {
        ConsumerValid: z.object({ name: z.string() }),
        ConsumerUnknown: failure(z.object({ consumerId: z.string() })),
        ConsumerBlocked: failure(z.object({ since: z.string() })),
      },
    }),
  },
})
export interface Consumer extends ContractOf<typeof contract> {}
export const Consumer: Consumer = contract
