import { type ContractOf, defineService, query } from 'pabal'
import { z } from 'zod'

const contract = defineService('orderHistory', {
  version: '1.0.0',
  description: 'A view of all orders, made from the events of the other services.',
  queries: {
    summary: query(z.object({}), { replies: { Summary: z.object({ states: z.record(z.string(), z.int()) }) } }),
  },
})
export interface History extends ContractOf<typeof contract> {}
export const History: History = contract
