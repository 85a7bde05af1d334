import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineService, notification, on, query } from '../../src/contract/index.ts'
import { PabalError } from '../../src/errors.ts'
import { connect } from '../../src/service/connect.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type { Transport } from '../../src/transport/seam.ts'
import { errorOf, Town, until } from './apps.ts'
import { Courier, Kitchen, Order, plainKitchen, plainOrder } from './kitchen.ts'

const noted = () => {}

/** The same transport, declaring less. */
async function declaring(town: Town, less: Partial<Capabilities>): Promise<Transport> {
  const transport = town.hub.transport()
  const open = transport.open.bind(transport)
  return Object.assign(transport, { open: async (listener: never) => ({ ...(await open(listener)), ...less }) })
}

test('every fault of what is served is reported at once, and nothing is started', async () => {
  const app = await new Town().app()
  const handlers = {
    place: 'not a function',
    surprise: noted,
    replies: { createTicket: { TicketCreated: noted, Unheard: noted }, quote: {} },
    on: [
      on(Kitchen.events.Ticket, { TicketAccepted: noted }),
      on(Kitchen.events.Ticket, { TicketAccepted: noted, TicketPickedUp: noted }),
      {},
    ],
  } as never
  const error: PabalError = await errorOf(
    app.serve(Order, handlers, { as: 'no spaces', effectivelyOnce: true, concurrency: 0, concurency: 5 } as never),
  )
  expect(error.code).toBe('INVALID_CONFIGURATION')
  const lines = error.message.split('\n  - ').slice(1)
  for (const expected of [
    'INVALID_OPTION: serve order: the option "as"',
    'INBOX_REQUIRED',
    'UNKNOWN_OPTION: serve order: there is no option "concurency"',
    'serve order.concurrency is 0',
    'HANDLER_UNKNOWN: serve order: there is a handler for "surprise"',
    'INVALID_CONFIGURATION: serve order: the handler of place is string',
    'HANDLER_MISSING: serve order: there is no handler for the notification begin',
    'HANDLER_MISSING: serve order: there is no handler for the reply replies.createTicket.RestaurantClosed',
    'HANDLER_UNKNOWN: serve order: replies.createTicket has a handler for "Unheard"',
    'HANDLER_UNKNOWN: serve order: there are reply handlers for "quote"',
    'HANDLER_DUPLICATE: serve order: two subscriptions handle the event Ticket.TicketAccepted',
    'INVALID_CONFIGURATION: serve order: "on" holds something that on(…) did not return',
  ])
    expect(lines.filter((line) => line.includes(expected)).length, expected).toBe(1)
  expect(lines.length).toBe(12)
  expect(await app.channels()).toEqual([])
  // The name was not taken by the attempt.
  await app.serve(Order, plainOrder)
})

test('one fault keeps its own code', async () => {
  const app = await new Town().app()
  const { menu: _, ...without } = plainKitchen
  expect(await errorOf(app.serve(Kitchen, without as never))).toMatchObject({ code: 'HANDLER_MISSING' })
  expect(await errorOf(app.serve(Kitchen, { ...plainKitchen, toString: noted } as never))).toMatchObject({ code: 'HANDLER_UNKNOWN' })
  expect(await errorOf(app.serve(Kitchen, plainKitchen, { effectivelyOnce: true }))).toMatchObject({ code: 'INBOX_REQUIRED' })
  expect(await errorOf(app.serve({} as never, {} as never))).toMatchObject({ code: 'INVALID_CONFIGURATION' })
})

test('two services in one app cannot own one name or one aggregate', async () => {
  const app = await new Town().app()
  await app.serve(Kitchen, plainKitchen)
  const again: PabalError = await errorOf(app.serve(Kitchen, plainKitchen, { as: 'second' }))
  expect(again.message).toContain('the channel "kitchen" already belongs to kitchen')
  expect(again.message).toContain('the channel "Ticket" already belongs to kitchen')
  const Other = defineService('other', { version: '1.0.0', events: { Ticket: Kitchen.events.Ticket } })
  expect(await errorOf(app.serve(Other, {}))).toMatchObject({ code: 'OWNER_DUPLICATE' })
  const Clash = defineService('Ticket', { version: '1.0.0', commands: { x: notification(z.object({})) } })
  expect(await errorOf(app.serve(Clash, { x: noted }))).toMatchObject({ code: 'OWNER_DUPLICATE' })
  await app.serve(Courier, { quote: ({ reply }) => reply.Quote({ price: 1 }) }, { as: 'one' })
  await app.serve(Courier, { quote: ({ reply }) => reply.Quote({ price: 2 }) }, { as: 'two' })
  expect(await errorOf(app.serve(Courier, { quote: ({ reply }) => reply.Quote({ price: 3 }) }, { as: 'two' }))).toMatchObject({
    code: 'OWNER_DUPLICATE',
  })
})

test('a service that was closed frees its names', async () => {
  const app = await new Town().app()
  const first = await app.serve(Kitchen, plainKitchen)
  await first.close()
  await app.serve(Kitchen, plainKitchen)
  expect(Object.keys(app.health().services)).toEqual(['kitchen'])
})

test('what the transport does not declare is refused by name', async () => {
  const town = new Town()
  const refused = async (less: Partial<Capabilities>, run: (app: Awaited<ReturnType<Town['app']>>) => Promise<unknown>) => {
    const error: PabalError = await errorOf(run(await town.app({}, await declaring(town, less))))
    expect(error).toMatchObject({ code: 'UNSUPPORTED' })
    expect(error.message).toContain('memory')
    return error.message
  }
  expect(await refused({ parks: false }, (app) => app.serve(Kitchen, plainKitchen, { atEnd: 'park' }))).toContain('"parks"')
  expect(await refused({ ordersByKey: false }, (app) => app.serve(Kitchen, plainKitchen))).toContain(
    'createTicket is ordered by the key orderId',
  )
  expect(
    await refused({ durableGroups: false, ordersByKey: true }, (app) =>
      app
        .serve(
          { ...Order, commands: {} } as never,
          { ...plainOrder, place: undefined, begin: undefined, on: [on(Kitchen.events.Ticket, { TicketAccepted: noted })] } as never,
        )
        .catch((error: PabalError) =>
          Promise.reject(error.message.includes('durableGroups') ? Object.assign(error, { code: 'UNSUPPORTED' }) : error),
        ),
    ),
  ).toContain('durableGroups')
  expect(await refused({ delays: false }, (app) => app.client(Kitchen).remindCook({ ticketId: 't' }, { after: '1s' }))).toContain(
    '"delays"',
  )
})

test('connect: an unknown scheme names the known ones, and every option is checked', async () => {
  expect(await errorOf(connect('kafkaa://x'))).toMatchObject({
    code: 'UNKNOWN_TRANSPORT',
    message: expect.stringMatching(/"kafkaa:".*amqp:.*memory:, kafka:.*sqlite:/),
  })
  expect(await errorOf(connect('./file.db'))).toMatchObject({ code: 'UNKNOWN_TRANSPORT', message: expect.stringContaining('no scheme') })
  expect(await errorOf(connect('constructor:x'))).toMatchObject({ code: 'UNKNOWN_TRANSPORT' })
  expect(await errorOf(connect({} as never))).toMatchObject({ code: 'INVALID_OPTION' })
  expect(await errorOf(connect('memory:', { withn: '2s' } as never))).toMatchObject({
    code: 'UNKNOWN_OPTION',
    message: expect.stringContaining('"withn"'),
  })
  const many: PabalError = await errorOf(
    connect('memory:', { within: 0, name: 'a\nb', provision: 'no', drain: 'x', middleware: [5], concurrency: -1, logger: {} } as never),
  )
  expect(many.code).toBe('INVALID_CONFIGURATION')
  for (const option of ['within', 'name', 'provision', 'drain', 'middleware', 'concurrency', 'logger'])
    expect(many.message).toContain(option)
})

test('connect: requires is compared with what the live transport declares', async () => {
  const town = new Town()
  const requiring = (requires: object) => connect(town.hub.transport(), { requires, logger: false })
  const app = await requiring({ ordersByKey: true, survives: 'nothing', maxBytes: 1000, atomicEmit: false })
  await app.close()
  const error: PabalError = await errorOf(requiring({ survives: 'power', maxBytes: 1e12, takeover: { killed: 0 }, teleports: true }))
  expect(error.code).toBe('INVALID_CONFIGURATION')
  for (const text of ['survives "power"', 'maxBytes', 'takeover', '"teleports"']) expect(error.message).toContain(text)
})

test('provision: check makes nothing and refuses what is not there', async () => {
  const town = new Town()
  const app = await town.app({ provision: 'check' })
  expect(await errorOf(app.serve(Kitchen, plainKitchen))).toMatchObject({ code: 'INVALID_CONFIGURATION' })
  expect(await errorOf(app.client(Kitchen).remindCook({ ticketId: 't' }))).toMatchObject({ code: 'INVALID_CONFIGURATION' })
  await (await town.app()).serve(Kitchen, plainKitchen)
  await app.client(Kitchen).remindCook({ ticketId: 't' })
})

test('a contract is plain data: one from another copy of the library, or written by hand, is served and asked', async () => {
  const Ping = defineService('ping', {
    version: '1.0.0',
    queries: { ping: query(z.object({ n: z.number() }), { replies: { Pong: z.object({ n: z.number() }) } }) },
  })
  const schema = (fits: (value: { n?: unknown }) => boolean) => ({
    '~standard': {
      version: 1,
      vendor: 'hand',
      validate: (value: { n?: unknown }) => (fits(value) ? { value } : { issues: [{ message: 'no', path: ['n'] }] }),
    },
  })
  const number = schema((value) => typeof value.n === 'number')
  const byHand = {
    pabal: 1,
    name: 'ping',
    version: '9',
    commands: {},
    documents: {},
    events: {},
    uses: {},
    queries: {
      ping: {
        service: 'ping',
        kind: 'query',
        type: 'ping',
        version: 1,
        to: 'one',
        schema: number,
        content: 'json',
        accepts: {},
        replies: { Pong: { schema: number, content: 'json', failure: false } },
      },
    },
  }
  const town = new Town()
  await (await town.app()).serve(byHand as unknown as typeof Ping, { ping: ({ payload, reply }) => reply.Pong({ n: payload.n + 1 }) })
  expect(await (await town.app()).client(Ping).ping({ n: 1 })).toMatchObject({ type: 'Pong', payload: { n: 2 } })
  expect(await errorOf((await town.app()).client(byHand as unknown as typeof Ping).ping({ n: 'x' as never }))).toMatchObject({
    code: 'INVALID_PAYLOAD',
    message: 'ping.ping: payload.n: no',
  })
})

/** The same transport; `begin` comes before each subscription. */
function beginning(town: Town, begin: (address: string) => Promise<void>): Transport {
  const transport = town.hub.transport()
  const subscribe = transport.subscribe.bind(transport)
  return Object.assign(transport, {
    subscribe: (async (channel, options, receive) => {
      await begin(channel.address)
      return subscribe(channel, options, receive)
    }) satisfies Transport['subscribe'],
  })
}

test('all subscriptions of a service begin at once', async () => {
  const town = new Town()
  const missing = new Set(['order', 'reply.order', 'Ticket'])
  const all = Promise.withResolvers<void>()
  const app = await town.app(
    {},
    beginning(town, async (address) => {
      if (!missing.delete(address)) return
      if (missing.size === 0) all.resolve()
      await all.promise
    }),
  )
  await app.serve(Order, { ...plainOrder, on: [on(Kitchen.events.Ticket, { TicketAccepted: noted })] })
  expect(missing.size).toBe(0)
})

test('where one subscription cannot begin none does, and another try succeeds', async () => {
  const town = new Town()
  let broken = true
  const app = await town.app(
    {},
    beginning(town, async (address) => {
      if (broken && address === 'Ticket') throw new PabalError('BROKER_UNREACHABLE', 'not now')
    }),
  )
  const heard: string[] = []
  const serve = (life: string) =>
    app.serve(Order, { ...plainOrder, begin: () => void heard.push(life), on: [on(Kitchen.events.Ticket, { TicketAccepted: noted })] })
  expect(await errorOf(serve('first'))).toMatchObject({ code: 'BROKER_UNREACHABLE' })
  broken = false
  await serve('second')
  const order = (await town.app()).client(Order)
  for (let n = 0; n < 20; n++) await order.begin({ orderId: String(n) })
  await until(() => heard.length === 20)
  expect(new Set(heard)).toEqual(new Set(['second']))
})
