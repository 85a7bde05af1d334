import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { transportFrom } from '../../src/service/transports.ts'
import { foreign, pause, until } from '../service/apps.ts'
import { Kitchen } from './contracts/kitchen.contract.ts'
import { Restaurant, store } from './kitchen.ts'
import { cli, contract, folder, listen, values } from './pabal.ts'

const { url, folder: temporary, remove } = store()
const restaurant = new Restaurant()
beforeAll(() => restaurant.open(url))
afterAll(async () => {
  await restaurant.app.close()
  remove()
})

const file = 'contracts/kitchen.contract.ts'
const send = (...args: string[]) => cli(['send', url, file, ...args])
const ask = (...args: string[]) => cli(['request', url, file, ...args])

describe('send', () => {
  test('a notification, from the line, a file and the input', async () => {
    const payload = join(temporary, 'payload.json')
    writeFileSync(payload, '{"dish":"b","n":102}')
    expect((await send('kitchen.cook', '{"dish":"a","n":101}')).out).toMatch(/^Sent kitchen\.cook [\w-]{36}\n$/)
    expect((await send('cook', `@${payload}`)).code).toBe(0)
    const { out } = await cli(['send', url, file, 'kitchen.cook', '-', '--json'], { input: '{"dish":"c","n":103}' })
    expect(values(out)).toEqual([{ id: expect.any(String), message: 'kitchen.cook', channel: 'kitchen' }])
    await until(() => [101, 102, 103].every((n) => restaurant.cooked.includes(n)))
  })

  test('an event as its owner, with the id of its aggregate; key, headers and id travel', async () => {
    const { ended } = await listen([url, 'Ticket', '--count', '1', '--for', '20s', '--json'])
    const { out } = await send('Ticket.Done', '{"n":104}', '--key', 't-1', '--header', 'x-table=7', '-H', 'y=a=b', '--id', 'my-own')
    expect(out).toBe('Published Ticket.Done my-own\n')
    await until(() => restaurant.cooked.includes(104))
    expect(values((await ended).out)).toMatchObject([
      { id: 'my-own', source: 'kitchen', kind: 'event', key: 't-1', headers: { 'x-table': '7', y: 'a=b' }, payload: { n: 104 } },
    ])
  })

  test("as a service: the reply goes to that service's handlers, with its context", async () => {
    expect((await send('kitchen.createTicket', '{"orderId":"o-1"}', '--as', 'order', '--context', '{"at":"noon"}')).code).toBe(0)
    await until(() => restaurant.replies.length === 1)
    expect(restaurant.replies).toEqual([{ ticketId: 't-o-1', at: 'noon' }])
  })

  test('text as it is, binary from a file, and a delay', async () => {
    expect((await send('note', 'as it is')).code).toBe(0)
    expect((await send('photo', `@${contract}`)).code).toBe(0)
    expect((await send('cook', '{"dish":"later","n":999}', '--after', '1h')).code).toBe(0)
    const { out } = await cli(['messages', url, 'kitchen', '--json'])
    expect(values(out)).toMatchObject([{ type: 'cook', key: 'later', notBefore: expect.stringMatching(/Z$/) }])
  })

  test.each([
    [['kitchen.cook', '{"dish":"a"}'], 'INVALID_PAYLOAD: kitchen.cook: payload.n'],
    [['kitchen.cook', 'dish'], 'The payload is no JSON'],
    [['kitchen.cook', '@nowhere.json'], 'nowhere.json cannot be read'],
    [['kitchen.cok', '{}'], 'kitchen and order declare no "kitchen.cok". Did you mean "kitchen.cook"?'],
    [['Ticket.Done', '{"n":1}'], 'is an event: give the id of its Ticket with --key'],
    [['kitchen.menu', '{}'], 'is a query, which is asked: pabal request'],
    [['note'], 'note carries text; give @file, or -'],
    [['cook', '{}', '--header', 'x'], '--header is "x", give a name and a value'],
    [['cook', '{}', '--as', 'order'], 'order uses no "cook"; it uses make, waited, menu, quote'],
    [['waited', '{"orderId":"x"}', '--as', 'order'], 'order takes no later reply to kitchen.createTicket'],
    [['createTicket', '{"orderId":"x"}', '--as', 'orde'], 'exports no contract "orde"; it exports kitchen, order'],
    [
      ['createTicket', '{"orderId":"x"}', '--as', 'order', '--context', '{"at":1}'],
      'INVALID_PAYLOAD: kitchen.createTicket.send: context.at',
    ],
  ])('refused, and nothing is sent: %j', async (args, said) => {
    const { code, out, err } = await send(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  })

  test('a channel that is not there is only made where it is asked for', async () => {
    const other = store()
    try {
      expect(await cli(['send', other.url, file, 'cook', '{"dish":"a","n":1}'])).toMatchObject({ code: 3 })
      expect(existsSync(join(other.folder, 'store.db'))).toBe(false)
      await (await connect(other.url, { logger: false })).close()
      const { code, err } = await cli(['send', other.url, file, 'cook', '{"dish":"a","n":1}'])
      expect(code).toBe(1)
      expect(err).toContain('does not have these channels')
      expect(err).toContain('Has a service made the channel kitchen here?')
      expect((await cli(['send', other.url, file, 'cook', '{"dish":"a","n":1}', '--create'])).code).toBe(0)
      expect(values((await cli(['messages', other.url, 'kitchen', '--json'])).out)).toMatchObject([{ payload: { dish: 'a', n: 1 } }])
    } finally {
      other.remove()
    }
  })
})

describe('request', () => {
  test('a command and a query: type and payload of the reply', async () => {
    expect(await ask('createTicket', '{"orderId":"x"}')).toEqual({
      code: 0,
      out: 'Created from kitchen\n{\n  "ticketId": "t-x"\n}\n',
      err: '',
    })
    expect(values((await ask('kitchen.menu', '--json')).out)).toEqual([
      {
        type: 'Menu',
        failure: false,
        from: 'kitchen',
        id: expect.any(String),
        headers: {},
        encoding: 'json',
        payload: ['bibimbap', 'naengmyeon'],
      },
    ])
  })

  test('a reply that is declared a failure: 5', async () => {
    const { code, out } = await ask('createTicket', '{"orderId":"late"}', '--json')
    expect(code).toBe(5)
    expect(values(out)).toMatchObject([{ type: 'Closed', failure: true, payload: { until: '10:00' } }])
  })

  test('a question to many: each answer', async () => {
    const { code, out } = await ask('quote', '--within', '2s', '--count', '1', '--json')
    expect(code).toBe(0)
    expect(values(out)).toMatchObject([{ type: 'Quote', payload: { price: 7 } }])
  })

  test.each([
    [['kitchen.cook', '{}'], 'is a notification, which has no reply: pabal send'],
    [['Ticket.Done', '{}'], 'is an event, which has no reply'],
    [['menu', '--count', '2'], '--count is for questions to many'],
    [['menu', '--within', 'x'], '--within is "x"'],
  ])('refused: %j', async (args, said) => {
    const { code, err } = await ask(...args)
    expect(code).toBe(2)
    expect(err).toContain(said)
  })

  test('nobody there, and no reply in time: 4, with the id to ask again under', async () => {
    const other = store()
    try {
      const app = await connect(other.url, { logger: false })
      await app.client(Kitchen).cook({ dish: 'a', n: 1 })
      await app.close()
      const query = await cli(['request', other.url, file, 'menu', '--within', '300ms'])
      expect(query.code).toBe(4)
      expect(query.err).toContain('NO_RESPONDER')
      const command = await cli(['request', other.url, file, 'createTicket', '{"orderId":"x"}', '--within', '300ms', '--id', 'mine'])
      expect(command.code).toBe(4)
      expect(command.err).toMatch(/OUTCOME_UNKNOWN: .*mine/)
      const ended = new AbortController()
      const interrupted = cli(['request', other.url, file, 'createTicket', '{"orderId":"y"}', '--within', '20s'], { ended: ended.signal })
      await pause(500)
      ended.abort()
      expect((await interrupted).code).toBe(130)
    } finally {
      other.remove()
    }
  })
})

describe('a contract file', () => {
  test.each([
    ['contracts/none.ts', 'exports no contract: it exports nothing. Export what defineService returned'],
    ['contracts/nowhere.ts', 'There is no file contracts/nowhere.ts'],
  ])('%s', async (path, said) => {
    const { code, err } = await cli(['send', url, path, 'x', '{}'])
    expect(code).toBe(2)
    expect(err.replaceAll(folder, '')).toContain(said)
  })
})

describe('listen', () => {
  const publish = async (n: number, key = 't-2') => void (await send('Ticket.Accepted', JSON.stringify({ n }), '--key', key))

  test('events as they come, of one key, so many; nothing is taken from anybody', async () => {
    const one = await listen([url, 'Ticket', '--key', 't-3', '--count', '2', '--for', '20s'])
    const other = await listen([url, '--contract', file, '--type', 'Ticket.Accepted', '--count', '3', '--for', '20s', '--json'])
    await publish(1, 't-3')
    await publish(2, 't-2')
    await publish(3, 't-3')
    const { code, out } = await one.ended
    expect(code).toBe(0)
    expect(out.replace(/\d\d:\d\d:\d\d\.\d+/g, 'TIME')).toBe(
      'TIME Ticket Ticket.Accepted t-3 from kitchen\n  {"n":1}\nTIME Ticket Ticket.Accepted t-3 from kitchen\n  {"n":3}\n',
    )
    expect(values<{ payload: { n: number } }>((await other.ended).out).map(({ payload }) => payload.n)).toEqual([1, 2, 3])
  })

  test('too few in the time: 4; Ctrl-C: 0; without a count the time is an ordinary end', async () => {
    expect((await cli(['listen', url, 'Ticket', '--count', '1', '--for', '200ms'])).code).toBe(4)
    expect((await cli(['listen', url, 'Ticket', '--for', '200ms'])).code).toBe(0)
    const ended = new AbortController()
    const listening = await listen([url, 'Ticket'], ended.signal)
    ended.abort()
    expect((await listening.ended).code).toBe(0)
  })

  test('a queue is looked at, and keeps what is in it', async () => {
    restaurant.gas = false
    const listening = await listen([url, 'kitchen.dead', '--count', '1', '--for', '20s', '--json'])
    await send('cook', '{"dish":"a","n":8}')
    expect(values((await listening.ended).out)).toMatchObject([{ channel: 'kitchen.dead', type: 'cook', payload: { n: 8 } }])
    restaurant.gas = true
    const left = await cli(['dead-letters', 'list', url, '--json'])
    expect(values(left.out)).toMatchObject([{ payload: { n: 8 } }])
  })

  test('what does not fit the contract is marked', async () => {
    const listening = await listen([url, 'Ticket', '--contract', file, '--count', '1', '--for', '20s'])
    const wire = await transportFrom(url, systemRuntime)
    await wire.open(() => {})
    const channel = { address: 'Ticket', kind: 'publish-subscribe' as const }
    await wire.send([foreign('Ticket', { type: 'Ticket.Accepted', kind: 'event', key: 't-9' }, { n: 'seven' }, { channel })])
    expect((await listening.ended).out).toContain('does not fit: Ticket.Accepted: payload.n')
    await wire.close()
  })

  test('what is not there is said, with what was probably meant', async () => {
    const { code, err } = await cli(['listen', url, 'Tickt'])
    expect(code).toBe(2)
    expect(err).toContain('There is no channel "Tickt"')
    expect(err).toContain('Did you mean "Ticket"?')
  })
})
