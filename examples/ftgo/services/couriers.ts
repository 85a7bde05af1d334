import { setTimeout as pause } from 'node:timers/promises'
import type { App } from 'pabal'
import { Courier } from '../contracts/courier.ts'
import { money } from '../lib/money.ts'

interface Company {
  readonly name: string
  /** In cents: for coming at all, and for each minute. */
  readonly base: number
  readonly perMinute: number
  /** Has no rider for one order in so many. */
  readonly busyEvery: number
  readonly thinks: number
}

const companies: readonly Company[] = [
  { name: 'GreenWheels', base: 190, perMinute: 14, busyEvery: 7, thinks: 4 },
  { name: 'CityRunners', base: 150, perMinute: 19, busyEvery: 4, thinks: 9 },
  { name: 'NightOwls', base: 240, perMinute: 11, busyEvery: 5, thinks: 14 },
]

export const courierCount: number = companies.length

/** Courier companies: each serves the same contract under its own name, so each gets every question and answers for itself. */
export async function startCouriers(app: App): Promise<void> {
  for (const company of companies) {
    await app.serve(
      Courier,
      {
        quote: async ({ payload, reply }) => {
          await pause(company.thinks)
          const distance = hash(payload.orderId + payload.deliverTo.postcode)
          if (hash(company.name + payload.orderId) % company.busyEvery === 0) return reply.Busy({ minutes: 20 })
          const minutes = 8 + (distance % 25)
          return reply.Quote({ price: money(company.base + minutes * company.perMinute), minutes })
        },
      },
      { as: company.name },
    )
  }
}

/** Stands in for the map: the same order is always as far away. */
function hash(text: string): number {
  let value = 7
  for (const letter of text) value = (value * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003
  return value
}
