import { type ContractOf, command, defineService, event, notification, query } from 'pabal'
import { Order, Placed } from './work.ts'

const contract = defineService('bench', {
  version: '1.0.0',
  commands: {
    take: notification(Order, { key: 'orderId' }),
    place: command(Order, { key: 'orderId', replies: { Placed: Placed } }),
  },
  queries: { ask: query(Order, { replies: { Placed: Placed } }) },
  events: { BenchOrder: { OrderTaken: event(Order) } },
})
export interface Bench extends ContractOf<typeof contract> {}
export const Bench: Bench = contract
