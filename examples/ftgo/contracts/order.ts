import { asks, type ContractOf, command, defineService, event, failure } from 'pabal'
import { z } from 'zod'
import { Accounting } from './accounting.ts'
import { Consumer } from './consumer.ts'
import { Kitchen } from './kitchen.ts'
import { Address, Line, Money, OrderRef } from './shared.ts'

const OrderDetails = z.object({ consumerId: z.string(), restaurantId: z.string(), total: Money })

const contract = defineService('orderService', {
  version: '1.0.0',
  description: 'Takes orders and leads each through validation, ticket, authorisation and confirmation, or back.',
  commands: {
    createOrder: command(
      z.object({
        orderId: z.string(),
        consumerId: z.string(),
        restaurantId: z.string(),
        lines: z.array(Line).min(1),
        total: Money,
        deliverTo: Address,
      }),
      {
        key: 'orderId',
        replies: { OrderReceived: OrderRef, OrderRefused: failure(OrderRef.extend({ reason: z.string() })) },
      },
    ),
  },
  events: {
    Order: {
      OrderCreated: event(OrderDetails),
      OrderAuthorized: event(OrderDetails),
      OrderRejected: event(OrderDetails.extend({ reason: z.string() })),
    },
  },
  uses: {
    menu: asks(Kitchen.queries.menu),
    validateOrder: asks(Consumer.commands.validateOrder, { awaited: true }),
    createTicket: asks(Kitchen.commands.createTicket, { context: OrderRef }),
    authorize: asks(Accounting.commands.authorize, { awaited: true }),
    confirmTicket: asks(Kitchen.commands.confirmTicket, { context: OrderRef }),
    cancelTicket: asks(Kitchen.commands.cancelTicket, { context: OrderRef }),
    reverseAuthorization: asks(Accounting.commands.reverseAuthorization, { context: OrderRef }),
    remindCook: asks(Kitchen.commands.remindCook),
  },
})
export interface Order extends ContractOf<typeof contract> {}
export const Order: Order = contract
