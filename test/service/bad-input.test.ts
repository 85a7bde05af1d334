import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type App,
  asks,
  type ContractOf,
  command,
  connect,
  defineService,
  document,
  event,
  type Message,
  notification,
  on,
  type PabalError,
  query,
  type Waiting,
} from '../../src/index.ts'
import { type Store, stores } from '../promises/stores.ts'
import { errorOf, foreign, until } from './apps.ts'

/** Bad input, through the public API alone: a clear coded error that says what was given and what to do, and nothing is lost. */
const kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    createTicket: command(z.object({ orderId: z.string().optional() as unknown as z.ZodString, quantity: z.number() }), {
      key: 'orderId',
      replies: { Created: z.object({ text: z.string() }) },
    }),
    note: notification(z.unknown()),
  },
  documents: { photo: document(z.instanceof(Uint8Array), { content: 'binary' }) },
  queries: { size: query(z.unknown(), { replies: { Size: z.unknown() } }) },
  events: { Ticket: { Accepted: event(z.object({ by: z.string() })) } },
})
interface Kitchen extends ContractOf<typeof kitchen> {}
const Kitchen: Kitchen = kitchen

interface Running {
  readonly app: App
  /** What its handlers were given. */
  readonly seen: unknown[]
  readonly messages: Message[]
}

async function open(store: Store, answer = 'done'): Promise<Running> {
  const seen: unknown[] = []
  const messages: Message[] = []
  const take = ({ payload, message }: { payload: unknown; message: Message }): void => {
    seen.push(payload)
    messages.push(message)
  }
  const app = await store.app()
  await app.serve(Kitchen, {
    createTicket: (context) => {
      take(context)
      return context.reply.Created({ text: answer })
    },
    note: take,
    photo: take,
    size: ({ payload, reply }) => reply.Size(payload),
  })
  return { app, seen, messages }
}

async function lot(list: AsyncIterable<Waiting>): Promise<Waiting[]> {
  const found: Waiting[] = []
  for await (const each of list) found.push(each)
  return found
}

const invalid = (app: App): Promise<Waiting[]> => lot(app.invalidMessages.list({ channel: 'kitchen' }))

async function waiting(app: App): Promise<number> {
  return (await app.channels()).reduce((sum, depth) => sum + depth.waiting + depth.parked, 0)
}

const large = 100 * 1024 * 1024

describe.each(stores)('%s', (_name, make) => {
  test('a payload that does not fit is refused at the sender: every path with its message, and nothing is sent', async () => {
    const { app, seen } = await open(make())
    const error: PabalError = await errorOf(app.client(Kitchen).createTicket({ orderId: 5, quantity: 'many' } as never))
    expect(error.code).toBe('INVALID_PAYLOAD')
    expect(error.message).toMatch(/^kitchen\.createTicket: payload\.orderId: .*expected string.*; payload\.quantity: .*expected number/)
    expect(error.hint).toContain('Correct the fields')
    expect(await waiting(app)).toBe(0)
    expect(seen).toEqual([])
  })

  test('a payload that does not fit goes to the invalid messages at the receiver, whole and with the reason; what follows is handled', async () => {
    const store = make()
    const { app, seen } = await open(store)
    const wire = await store.wire()
    const bad = foreign('kitchen', { id: 'bad', key: 'k', headers: { 'x-from': 'far' } }, { orderId: 'o', quantity: 'many' })
    const broken = foreign('kitchen', { id: 'broken', key: 'k' }, '{"orderId":')
    const good = foreign('kitchen', { id: 'good', key: 'k' }, { orderId: 'o', quantity: 1 })
    expect(await wire.send([bad, broken, good])).toEqual(['sent', 'sent', 'sent'])
    await until(() => seen.length === 1)
    const [first, second, ...more] = await invalid(app)
    expect(more).toEqual([])
    expect(first).toMatchObject({ code: 'INVALID_MESSAGE', message: { id: 'bad', headers: { 'x-from': 'far' } } })
    expect(first?.reason).toMatch(/^kitchen\.createTicket: payload\.quantity: .*expected number/)
    expect(Buffer.from(first?.message.body ?? []).toString()).toBe('{"orderId":"o","quantity":"many"}')
    expect(second).toMatchObject({ code: 'INVALID_MESSAGE', reason: expect.stringContaining('the body is not JSON') })
  })

  test('a key that is missing, empty or no string is refused and named', async () => {
    const { app } = await open(make())
    const client = app.client(Kitchen)
    for (const [payload, said] of [
      [{ quantity: 1 }, 'payload.orderId, the key, is missing'],
      [{ orderId: '', quantity: 1 }, 'payload.orderId, the key, is empty'],
    ] as const)
      expect(await errorOf(client.createTicket(payload as never))).toMatchObject({
        code: 'INVALID_KEY',
        message: `kitchen.createTicket: ${said}`,
      })
    expect(await errorOf(client.createTicket({ orderId: 'a\nb', quantity: 1 }))).toMatchObject({
      code: 'INVALID_HEADER',
      message: expect.stringContaining('the key "a\\nb"'),
    })
    expect(await waiting(app)).toBe(0)
  })

  test('a reply address outside the reply namespace: the message goes aside, unhandled, and nothing is sent there', async () => {
    const store = make()
    const { app, seen } = await open(store)
    const wire = await store.wire()
    await wire.send([foreign('kitchen', { key: 'k', replyTo: 'bank.transfers' }, { orderId: 'o', quantity: 1 })])
    await until(() => app.counters().invalid === 1)
    expect(seen).toEqual([])
    const [found] = await invalid(app)
    expect(found).toMatchObject({ code: 'INVALID_REPLY_ADDRESS', reason: expect.stringContaining('"bank.transfers"') })
    expect((await app.channels()).map(({ channel }) => channel.address)).not.toContain('bank.transfers')
  })

  test('a body of 100 MB is refused with both sizes, sent or answered, and what follows is handled', async () => {
    const store = make()
    const { app, seen } = await open(store)
    const client = app.client(Kitchen)
    const most = app.capabilities.maxBytes
    const error: PabalError = await errorOf(client.photo(new Uint8Array(large)))
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    expect(error.message).toContain(`it takes ${large} bytes`)
    expect(error.message).toContain(`at most ${most}`)
    expect(await waiting(app)).toBe(0)
    await client.photo(new Uint8Array([1, 2]))
    await until(() => seen.length === 1)
  })

  test('a reply of 100 MB: its caller is told, and the command waits in the dead letters with the reason', async () => {
    const { app, seen } = await open(make(), 'x'.repeat(large))
    const error: PabalError = await errorOf(app.client(Kitchen).createTicket({ orderId: 'o', quantity: 1 }, { within: '10s' }))
    expect(error).toMatchObject({ code: 'REMOTE_ERROR' })
    expect(error.message).toContain('MESSAGE_TOO_LARGE')
    expect(seen.length).toBe(1)
    const [letter] = await lot(app.deadLetters.list({ channel: 'kitchen' }))
    expect(letter).toMatchObject({ code: 'MESSAGE_TOO_LARGE', message: { id: error.id } })
  })

  test.each([
    ['a value with a newline', { 'x-a': 'one\r\ntwo: 2' }, 'the header x-a holds a line break'],
    ['a name with a newline', { 'x\na': 'one' }, 'the header name "x\\na" is not allowed'],
    ['a value that is no string', { 'x-a': 5 }, 'the header x-a is number, give a string'],
    ['__proto__', JSON.parse('{"__proto__":"x"}'), 'the header name "__proto__" is not allowed'],
    ['a prototype with members', { __proto__: { 'x-a': 'b' } }, 'members in its prototype'],
    ['what would be lost when it is copied', new Headers({ 'x-a': 'b' }), 'the headers are a Headers, give a plain object'],
    ['text', 'x-a: b', 'the headers are a string, give a plain object'],
  ])('a header that cannot travel is refused, in a message and in a reply: %s', async (_what, headers, said) => {
    const store = make()
    const { app, seen } = await open(store)
    const given = { headers: headers as never }
    for (const sent of [() => app.client(Kitchen).note(1, given), () => app.client(Kitchen).size(1, given)])
      expect(await errorOf(sent())).toMatchObject({ code: 'INVALID_HEADER', message: expect.stringContaining(said) })
    expect(await waiting(app)).toBe(0)
    expect(seen).toEqual([])
    const replying = defineService('replying', {
      version: '1.0.0',
      commands: { ask: command(z.object({}), { replies: { Yes: z.object({}) } }) },
    })
    await app.serve(replying, { ask: ({ reply }) => reply.Yes({}, given) })
    const error: PabalError = await errorOf(app.client(replying).ask({}, { within: '5s' }))
    expect(error).toMatchObject({ code: 'REMOTE_ERROR', message: expect.stringContaining('INVALID_HEADER') })
  })

  test('__proto__ as a JSON key is refused by the sender and by the receiver; as a text it travels', async () => {
    const store = make()
    const { app, seen } = await open(store)
    const client = app.client(Kitchen)
    for (const payload of ['{"__proto__":{"admin":true}}', '{"a":[{"__proto__":1}]}'].map((text) => JSON.parse(text)))
      expect(await errorOf(client.note(payload))).toMatchObject({
        code: 'INVALID_PAYLOAD',
        message: 'kitchen.note: the payload holds the key "__proto__", which is not allowed',
      })
    const wire = await store.wire()
    await wire.send([
      foreign('kitchen', { id: 'bad', type: 'note', kind: 'notification' }, '{"__proto__":{"admin":true}}'),
      foreign('kitchen', { id: 'worse', type: 'note', kind: 'notification' }, '{"\\u005f_proto__":{"admin":true}}'),
      foreign('kitchen', { id: 'worst', type: 'note', kind: 'notification' }, '{"__\\u0070roto__":{"admin":true}}'),
    ])
    await until(() => app.counters().invalid === 3)
    for (const { code, reason } of await invalid(app)) {
      expect(code).toBe('INVALID_MESSAGE')
      expect(reason).toContain('"__proto__"')
    }
    await client.note({ text: '__proto__', quoted: '"__proto__":' })
    await until(() => seen.length === 1)
    expect(seen).toEqual([{ text: '__proto__', quoted: '"__proto__":' }])
  })

  test('a context for a later reply that cannot be written, or holds __proto__, is refused, and nothing is sent', async () => {
    const { app } = await open(make())
    const asking = defineService('asking', {
      version: '1.0.0',
      uses: { createTicket: asks(Kitchen.commands.createTicket, { context: z.record(z.string(), z.unknown()) as z.ZodType<object> }) },
    })
    const handle = await app.serve(asking, { replies: { createTicket: { Created: () => {} } } })
    const send = (context: object) => errorOf(handle.call.createTicket.send({ orderId: 'o', quantity: 1 }, { context }))
    expect(await send({ big: 5n })).toMatchObject({ code: 'INVALID_PAYLOAD', message: expect.stringContaining('BigInt') })
    expect(await send(JSON.parse('{"a":{"__proto__":1}}'))).toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: 'kitchen.createTicket.send: the context holds the key "__proto__", which is not allowed',
    })
    expect(await waiting(app)).toBe(0)
  })

  test('__proto__ as a header of a received message harms nobody', async () => {
    const store = make()
    const { messages } = await open(store)
    const wire = await store.wire()
    const headers = JSON.parse('{"__proto__":"x","x-a":"b"}')
    const [result] = await wire.send([foreign('kitchen', { type: 'note', kind: 'notification', headers }, 1)])
    if (result === 'sent') {
      await until(() => messages.length === 1)
      expect(messages[0]?.headers['x-a']).toBe('b')
    } else expect(result).toMatchObject({ code: 'INVALID_HEADER' })
    expect(({} as Record<string, unknown>)['x-a']).toBeUndefined()
  })

  test('handlers that are missing: all are named, and nothing is started', async () => {
    const app = await make().app()
    const error: PabalError = await errorOf(app.serve(Kitchen, { note: () => {} } as never))
    expect(error.code).toBe('INVALID_CONFIGURATION')
    for (const name of ['the command createTicket', 'the document photo', 'the query size'])
      expect(error.message).toContain(`HANDLER_MISSING: serve kitchen: there is no handler for ${name}`)
    expect(await app.channels()).toEqual([])
    expect(await errorOf(app.serve(Kitchen, undefined as never))).toMatchObject({
      message: expect.stringContaining('the handlers are undefined, give an object'),
    })
  })

  test('two handlers for one message, two services with one name or one aggregate', async () => {
    const { app } = await open(make())
    const twice = on(Kitchen.events.Ticket, { Accepted: () => {} })
    expect(await errorOf(app.serve(defineService('history', { version: '1.0.0' }), { on: [twice, twice] }))).toMatchObject({
      code: 'HANDLER_DUPLICATE',
      message: 'serve history: two subscriptions handle the event Ticket.Accepted',
    })
    const again: PabalError = await errorOf(
      app.serve(Kitchen, { createTicket: () => ({}), note() {}, photo() {}, size: () => ({}) } as never, { as: 'second' }),
    )
    expect(again.message).toContain('OWNER_DUPLICATE: serve kitchen: the channel "kitchen" already belongs to kitchen')
    const thief = defineService('thief', { version: '1.0.0', events: { Ticket: { Stolen: event(z.object({})) } } })
    expect(await errorOf(app.serve(thief, {}))).toMatchObject({
      code: 'OWNER_DUPLICATE',
      message: 'serve thief: the channel "Ticket" already belongs to kitchen',
    })
  })

  test('options that do not exist are refused by name, wherever they are given', async () => {
    const { app } = await open(make())
    const refused = async (promise: Promise<unknown>, said: string): Promise<void> =>
      expect(await errorOf(promise)).toMatchObject({ code: 'UNKNOWN_OPTION', message: expect.stringContaining(said) })
    const idle = defineService('idle', { version: '1.0.0' })
    await refused(app.serve(idle, {}, { concurency: 1 } as never), 'serve idle: there is no option "concurency"; there are as,')
    await refused(app.serve(idle, {}, { retry: { atempts: 1 } } as never), 'has no option "atempts"; it has attempts')
    const watching = on(Kitchen.events.Ticket, { Accepted: () => {} })
    await refused(app.on(watching, { group: 'g' } as never), 'app.on: there is no option "group"')
    expect(() => app.client(Kitchen, { withn: 1 } as never)).toThrow('client of kitchen: there is no option "withn"; there are within')
    const client = app.client(Kitchen)
    await refused(client.note(1, { header: {} } as never), 'kitchen.note: there is no option "header"; there are id, headers,')
    await refused(client.size(1, { withn: '1s' } as never), 'kitchen.size: there is no option "withn"')
    expect(() => app.closeOn(['SIGTERM'], { exitCode: 1 } as never)).toThrow('closeOn: there is no option "exitCode"')
    expect(await errorOf(app.deadLetters.redrive({ chanel: 'kitchen' } as never))).toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('connect', () => {
  test.each([
    [
      'kafak://localhost',
      'UNKNOWN_TRANSPORT',
      'connect: no transport answers to "kafak:"; known are amqp:, amqps:, memory:, kafka:, kafkas:, sqlite:',
    ],
    ['./ftgo.db', 'UNKNOWN_TRANSPORT', 'connect: "./ftgo.db" has no scheme; known are amqp:, amqps:, memory:, kafka:, kafkas:, sqlite:'],
    ['memory:?shard=4', 'UNKNOWN_OPTION', 'memory: does not know the option "shard"; it knows shards,'],
    ['memory:?shards=4k', 'INVALID_OPTION', 'the option shards is "4k", give a whole number without a unit'],
    ['memory:/tmp/x', 'INVALID_OPTION', 'memory: has no path'],
    ['sqlite:./x.db?maxsize=4', 'UNKNOWN_OPTION', 'sqlite: does not know the option "maxsize"; it knows maxSize,'],
    ['sqlite:./x.db?maxSize=1GB', 'INVALID_OPTION', 'the option maxSize is "1GB", give a whole number without a unit'],
    ['sqlite:./x.db?maxSize=5', 'INVALID_OPTION', 'the option maxSize is 5, give a whole number from 262144'],
    ['sqlite:', 'INVALID_OPTION', 'give a file, such as sqlite:./messages.db'],
    ['sqlite:/no/such/folder/x.db', 'STORE_UNUSABLE', 'its folder /no/such/folder does not exist'],
  ])('%s', async (url, code, said) =>
    expect(await errorOf(connect(url))).toMatchObject({ code, message: expect.stringContaining(said), hint: expect.stringMatching(/\w/) }),
  )

  test('all faults of the URL and of the options are told together', async () => {
    const error: PabalError = await errorOf(
      connect('memory:?shard=4&maxMessages=lots', { concurency: 4, within: 'soon', retry: { attempts: -1 } } as never),
    )
    expect(error.code).toBe('INVALID_CONFIGURATION')
    for (const said of ['"concurency"', 'within is "soon"', 'attempts is -1', '"shard"', 'maxMessages is "lots"'])
      expect(error.message).toContain(said)
    const file: PabalError = await errorOf(connect('sqlite:?maxsize=1&shards=x'))
    for (const said of ['"maxsize"', 'shards is "x"', 'give a file']) expect(file.message).toContain(said)
    expect(await errorOf(connect('memory:', null as never))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(await errorOf(connect(undefined as never))).toMatchObject({ code: 'INVALID_OPTION' })
  })
})

test('clashing names in a contract are told together', () => {
  const text = z.string()
  const clashing = () =>
    defineService('Ticket', {
      version: '1.0.0',
      commands: { menu: notification(text), replies: notification(text), 'two words': notification(text) },
      queries: { menu: query(text, { replies: { Menu: text } }) },
      events: { Ticket: { Accepted: event(text) } },
    } as never)
  expect(clashing).toThrow(expect.objectContaining({ code: 'INVALID_CONTRACT' }))
  for (const said of [
    'queries.menu: commands.menu has the same name',
    'commands.replies: the name is taken',
    '"two words" is not a usable name',
    "events.Ticket: the aggregate has the service's name",
  ])
    expect(clashing).toThrow(said)
})
