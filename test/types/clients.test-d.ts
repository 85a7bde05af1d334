import type { Accepted, Client, Gathering, Outcome, OutcomeOf } from '../../src/contract/types/index.ts'
import { app } from './app.ts'
import { Courier, Kitchen } from './ftgo.ts'
import { same } from './same.ts'

const { kitchen, courier } = app.clients({ kitchen: Kitchen, courier: Courier })

export async function commands(): Promise<void> {
  const ticket = { orderId: 'o-1', dishes: [{ name: 'bibimbap' }, { name: 'kimchi', count: 2 }] }
  const outcome = await kitchen.createTicket(ticket, { within: '2s', id: 'x', headers: { a: 'b' }, key: 'k', signal: AbortSignal.abort() })
  same<typeof outcome, OutcomeOf<'TicketCreated', { ticketId: string; at: Date }> | OutcomeOf<'RestaurantClosed', { until: string }>>(true)
  same<typeof outcome, Outcome<Kitchen['commands']['createTicket']>>(true)
  // The payload is narrowed by the reply's name.
  if (outcome.type === 'TicketCreated') same<typeof outcome.payload.at, Date>(true)
  else same<typeof outcome.payload, { until: string }>(true)
  // @ts-expect-error: not known before the name was looked at
  outcome.payload.until
  // @ts-expect-error: no such reply
  outcome.type === 'TicketDeleted'
  same<typeof outcome.from | typeof outcome.id, string>(true)
  same<typeof outcome.failure, boolean>(true)

  // The sender gives the schema's input: `count` has a default, and stays optional.
  // @ts-expect-error: a field is missing
  await kitchen.createTicket({ orderId: 'o-1' })
  // @ts-expect-error: an unknown field
  await kitchen.createTicket({ orderId: 'o-1', dishes: [], extra: 1 })
  // @ts-expect-error: not a duration
  await kitchen.createTicket(ticket, { within: '2 seconds' })
  // @ts-expect-error: a call is not delayed
  await kitchen.createTicket(ticket, { after: '2s' })

  const accepted = await kitchen.createTicket.send(ticket, { after: '2s', headers: {} })
  same<typeof accepted, Accepted>(true)
  // @ts-expect-error: a client outside a service declares no context
  await kitchen.createTicket.send(ticket, { context: {} })
  // @ts-expect-error: a wrong payload
  await kitchen.createTicket.send({})
}

export async function oneWay(): Promise<void> {
  same<Awaited<ReturnType<typeof kitchen.remindCook>>, Accepted>(true)
  await kitchen.remindCook({ ticketId: 't-1' }, { at: new Date(0) })
  await kitchen.stockList('bread', { after: 500 })
  // @ts-expect-error: text travels
  await kitchen.stockList({ bread: 1 })
  // @ts-expect-error: there is no reply to send for later
  await kitchen.remindCook.send({ ticketId: 't-1' })
  // @ts-expect-error: nor one to wait for
  await kitchen.remindCook({ ticketId: 't-1' }, { within: '1s' })
}

export async function queries(): Promise<void> {
  const menu = await kitchen.menu({ restaurantId: 'r-1' })
  same<typeof menu, OutcomeOf<'Menu', { dishes: string[] }>>(true)
  // @ts-expect-error: transient: it cannot be sent for later
  await kitchen.menu.send({ restaurantId: 'r-1' })
  // @ts-expect-error: one answers
  kitchen.menu.gather({ restaurantId: 'r-1' })

  type Quote = OutcomeOf<'Quote', { cents: number }> | OutcomeOf<'Busy', Record<never, never>>
  const answers = courier.quote.gather({ parcel: 'p' }, { within: '800ms', until: { count: 3 }, expected: ['swift'] })
  const gathering: Gathering<Quote> = answers
  for await (const answer of gathering) if (answer.type === 'Quote') same<typeof answer.payload.cents, number>(true)
  const { replies, missing, ended, failed } = await answers.result()
  same<typeof missing, readonly string[] | undefined>(true)
  if (ended === 'deadline' && replies[0]?.type === 'Quote') replies[0].payload.cents.toFixed()
  same<(typeof failed)[number]['from'], string>(true)
  courier.quote.gather({ parcel: 'p' }, { until: { quorum: 2 } })
  courier.quote.gather({ parcel: 'p' }, { until: { when: (all) => all.some((one) => one.type === 'Busy') } })
  // @ts-expect-error: no such reply
  courier.quote.gather({ parcel: 'p' }, { until: { when: (all) => all.some((one) => one.type === 'Idle') } })
  // @ts-expect-error: not a way to end
  courier.quote.gather({ parcel: 'p' }, { until: { most: 3 } })
  // @ts-expect-error: not a promise, so nothing awaits it by accident
  answers.then
}

export function shape(client: Client<Kitchen>): void {
  same<keyof typeof client, 'createTicket' | 'remindCook' | 'stockList' | 'menu'>(true)
  // @ts-expect-error: events are published by their owner, not through a client
  client.TicketAccepted
}
