import { defineService, event, type Handlers, notification } from 'pabal'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Kitchen } from '../../examples/ftgo/contracts/kitchen.ts'
import { checkLedger } from '../../examples/ftgo/lib/ledger.ts'
import { serviceNames } from '../../examples/ftgo/lib/place.ts'
import { starters } from '../../examples/ftgo/services/all.ts'
import { kitchenHandlers } from '../../examples/ftgo/services/kitchen.ts'
import { canStage, transports } from '../process/chaos/stage.ts'
import { leftovers, openTown } from './town.ts'

const OrderRef = z.object({ orderId: z.string() })

/** The next version of the kitchen: one more command, and an event that nobody else has heard of. */
const NewKitchen = defineService('kitchenService', {
  version: '1.1.0',
  commands: { ...Kitchen.commands, expediteTicket: notification(OrderRef, { key: 'orderId' }) },
  queries: Kitchen.queries,
  events: { Ticket: { ...Kitchen.events.Ticket, TicketExpedited: event(OrderRef) } },
})

const count = 24

describe.each(transports)('%s', async (transport) => {
  const can = await canStage(transport)

  test.skipIf(!can)(
    'two versions of the kitchen side by side: the new one takes the command that the old one gives back, and others skip its event',
    { timeout: 120_000 },
    async () => {
      const town = await openTown(transport)
      const old = await town.connect('old')
      for (const name of serviceNames) await starters[name](old, town.place)
      const next = await town.connect('next')
      const expedited: string[] = []
      await next.serve(NewKitchen, {
        // what it does as before knows only the old contract, of which the new one is a superset
        ...(kitchenHandlers(town.place) as unknown as Handlers<typeof NewKitchen>),
        expediteTicket: async ({ payload, publish }) => {
          expedited.push(payload.orderId)
          await publish.Ticket.TicketExpedited(payload.orderId, payload)
        },
      })
      const { kitchen } = (await town.connect('hurry')).clients({ kitchen: NewKitchen })
      const placed = town.order(count, 10)
      const hurried = Array.from({ length: count }, (_, n) => `hurry-${n}`)
      for (const orderId of hurried) await kitchen.expediteTicket({ orderId })
      await placed
      await town.rest()
      await expect.poll(() => new Set(expedited).size, { timeout: 40_000 }).toBe(count)
      expect(expedited.toSorted()).toEqual(hurried.toSorted())
      // Order History and Delivery, of the old version both, hear of each
      await expect.poll(() => old.counters().unknownSkipped, { timeout: 10_000 }).toBeGreaterThanOrEqual(2 * count)
      expect([old.counters(), next.counters()]).toMatchObject([
        { deadLettered: 0, invalid: 0 },
        { deadLettered: 0, invalid: 0 },
      ])
      await expect.poll(() => leftovers(next), { timeout: 30_000 }).toEqual([])
      await town.close()
      expect(checkLedger(town.place).findings).toEqual([])
    },
  )
})
