import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineService, event, older, on } from '../../src/contract/index.ts'
import { errorOf, foreign, pause, Town, until } from './apps.ts'
import { Kitchen, Order, plainKitchen, plainOrder } from './kitchen.ts'

const event1 = { ticketId: 't-1' }

test('each subscribing service gets its own copy, its members share it, and a durable group misses nothing while it is down', async () => {
  const town = new Town()
  const kitchen = await (await town.app()).serve(Kitchen, plainKitchen)
  const seen: string[] = []
  const subscribe = async (as: string, who: string) => {
    const app = await town.app()
    await app.serve(
      Order,
      { ...plainOrder, on: [on(Kitchen.events.Ticket, { TicketAccepted: ({ key }) => void seen.push(`${who} ${key}`) })] },
      { as },
    )
    return app
  }
  await subscribe('order', 'a')
  await subscribe('order', 'b')
  const down = await subscribe('history', 'c')
  await down.close()
  for (let n = 0; n < 20; n++) await kitchen.publish.Ticket.TicketAccepted(`k${n}`, event1)
  await until(() => seen.length === 20)
  await subscribe('history', 'c')
  await until(() => seen.length === 40)
  expect(new Set(seen.filter((text) => !text.startsWith('c')).map((text) => text.slice(2))).size).toBe(20)
  expect(new Set(seen.filter((text) => text.startsWith('c'))).size).toBe(20)
})

test('events that nobody listed are skipped and counted; those of one key come in order', async () => {
  const town = new Town()
  const kitchen = await (await town.app()).serve(Kitchen, plainKitchen)
  const app = await town.app()
  const seen: string[] = []
  await app.serve(Order, {
    ...plainOrder,
    on: [
      on(Kitchen.events.Ticket, {
        TicketPickedUp: async ({ payload }) => {
          await pause(1)
          seen.push(payload.ticketId)
        },
      }),
    ],
  })
  await Promise.all(Array.from({ length: 30 }, (_, n) => kitchen.publish.Ticket.TicketPickedUp('one key', { ticketId: String(n) })))
  await kitchen.publish.Ticket.TicketAccepted('k', event1)
  await until(() => seen.length === 30 && app.counters().unknownSkipped === 1)
  expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => String(n)))
})

test('an ephemeral subscriber sees what is published from then on, until it is closed', async () => {
  const town = new Town()
  const kitchen = await (await town.app()).serve(Kitchen, plainKitchen)
  await kitchen.publish.Ticket.TicketAccepted('before', event1)
  const seen: string[] = []
  const app = await town.app()
  const watching = await app.on(on(Kitchen.events.Ticket, { TicketAccepted: ({ key }) => void seen.push(key) }))
  await kitchen.publish.Ticket.TicketAccepted('during', event1)
  await until(() => seen.length === 1)
  await watching.close()
  await kitchen.publish.Ticket.TicketAccepted('after', event1)
  await pause(20)
  expect(seen).toEqual(['during'])
})

test('an event needs its key, and a payload that fits', async () => {
  const kitchen = await (await new Town().app()).serve(Kitchen, plainKitchen)
  expect(await errorOf(kitchen.publish.Ticket.TicketAccepted(undefined as never, event1))).toMatchObject({
    code: 'INVALID_KEY',
    message: expect.stringContaining('missing'),
  })
  expect(await errorOf(kitchen.publish.Ticket.TicketAccepted('', event1))).toMatchObject({ code: 'INVALID_KEY' })
  expect(await errorOf(kitchen.publish.Ticket.TicketAccepted(5 as never, event1))).toMatchObject({
    code: 'INVALID_KEY',
    message: expect.stringContaining('number'),
  })
  expect(await errorOf(kitchen.publish.Ticket.TicketAccepted('k', {} as never))).toMatchObject({
    code: 'INVALID_PAYLOAD',
    message: expect.stringContaining('Ticket.TicketAccepted: payload.ticketId'),
  })
})

test('older versions are upgraded on arrival; newer ones are skipped and counted; a body that fits no version is put aside', async () => {
  const town = new Town()
  const Shop = defineService('shop', {
    version: '1.0.0',
    events: {
      Cart: {
        Filled: event(z.object({ items: z.array(z.string()) }), {
          version: 2,
          accepts: { 1: older(z.object({ item: z.string() }), (old) => ({ items: [old.item] })) },
        }),
      },
    },
  })
  const seen: unknown[] = []
  const app = await town.app()
  await app.serve(Order, { ...plainOrder, on: [on(Shop.events.Cart, { Filled: ({ payload }) => void seen.push(payload.items) })] })
  const sent = (version: number, body: unknown) =>
    foreign('Cart', { type: 'Cart.Filled', kind: 'event', version, key: 'k' }, body, {
      channel: { address: 'Cart', kind: 'publish-subscribe' },
    })
  await (await town.wire()).send([sent(1, { item: 'a' }), sent(2, { items: ['b', 'c'] }), sent(3, { goods: [] }), sent(1, { wrong: 1 })])
  await until(() => app.counters().invalid === 1)
  expect(seen).toEqual([['a'], ['b', 'c']])
  expect(app.counters()).toMatchObject({ handled: 2, unknownSkipped: 1 })
  for await (const letter of app.invalidMessages.list({ channel: 'Cart', group: 'order' }))
    expect(letter).toMatchObject({ code: 'INVALID_MESSAGE', reason: expect.stringContaining('version 1') })
})

test('a command that this version does not know is given back for its grace, then put aside', async () => {
  const town = new Town()
  const app = await town.app({ unknownGrace: '60ms' })
  await app.serve(Kitchen, plainKitchen)
  const started = performance.now()
  await (await town.wire()).send([foreign('kitchen', { type: 'fromTomorrow' }, {})])
  await until(() => app.counters().invalid === 1)
  expect(performance.now() - started).toBeGreaterThan(50)
  for await (const letter of app.invalidMessages.list({ channel: 'kitchen' })) expect(letter.code).toBe('UNKNOWN_MESSAGE')
})
