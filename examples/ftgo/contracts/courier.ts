import { type ContractOf, defineService, failure, query } from 'pabal'
import { z } from 'zod'
import { Address, Money } from './shared.ts'

const contract = defineService('courier', {
  version: '1.0.0',
  description: 'What every courier company answers: each serves this contract under its own name.',
  queries: {
    quote: query(z.object({ orderId: z.string(), collectFrom: Address, deliverTo: Address }), {
      to: 'many',
      replies: {
        Quote: z.object({ price: Money, minutes: z.int().positive() }),
        Busy: failure(z.object({ minutes: z.int().positive() })),
      },
    }),
  },
})
export interface Courier extends ContractOf<typeof contract> {}
export const Courier: Courier = contract
