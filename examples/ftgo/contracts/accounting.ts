import { type ContractOf, command, defineService, failure } from 'pabal'
import { z } from 'zod'
import { Money } from './shared.ts'

const contract = defineService('accountingService', {
  version: '1.0.0',
  description: 'Authorises cards, and takes authorisations back.',
  commands: {
    authorize: command(z.object({ orderId: z.string(), consumerId: z.string(), amount: Money }), {
      key: 'orderId',
      replies: {
        Authorized: z.object({ authorizationId: z.string() }),
        CardDeclined: failure(z.object({ limit: Money })),
        AccountDisabled: failure(z.object({ consumerId: z.string() })),
      },
    }),
    reverseAuthorization: command(z.object({ orderId: z.string() }), {
      key: 'orderId',
      replies: { AuthorizationReversed: z.object({ orderId: z.string() }) },
    }),
  },
})
export interface Accounting extends ContractOf<typeof contract> {}
export const Accounting: Accounting = contract
