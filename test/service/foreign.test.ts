import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type App,
  type ContractOf,
  connect,
  defineService,
  document,
  event,
  type Message,
  notification,
  on,
  type Waiting,
} from '../../src/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'
import type { Outgoing } from '../../src/transport/seam.ts'
import { Native } from '../../src/transport/shared/native.ts'
import { stores } from '../promises/stores.ts'
import { errorOf, pause, until } from './apps.ts'

/** What another client of a broker sent without the attributes of a CloudEvent: an adapter makes a message of it, here the same code does. */
const kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: { remindCook: notification(z.object({ ticketId: z.string() })) },
  documents: {
    stock: document(z.object({ item: z.string() }), { version: 2 }),
    blob: document(z.instanceof(Uint8Array), { content: 'binary' }),
  },
  events: { Ticket: { Accepted: event(z.object({ by: z.string() })) } },
})
interface Kitchen extends ContractOf<typeof kitchen> {}
const Kitchen: Kitchen = kitchen

const native = new Native({ prefix: 'ce_', contentType: 'content-type' })
function raw(address: string, id: string, body: string, headers: Record<string, string> = {}, key?: string): Outgoing {
  const message = native.read(headers, Buffer.from(body), { source: `kafka:${address}`, id, key, time: 1_700_000_000_000 })
  return { channel: { address, kind: address === 'Ticket' ? 'publish-subscribe' : 'point-to-point' }, message, durable: true }
}

async function invalid(app: App, channel: string, group?: string): Promise<Waiting[]> {
  const found: Waiting[] = []
  for await (const each of app.invalidMessages.list({ channel, group })) found.push(each)
  return found
}

interface Seen {
  readonly what: string
  readonly payload: unknown
  readonly message: Message
}

describe.each(stores)('%s', (_name, make) => {
  async function open(foreign?: 'invalid' | 'stock' | 'blob') {
    const store = make()
    const app = await store.app()
    const seen: Seen[] = []
    const take =
      (what: string) =>
      ({ payload, message }: { payload: unknown; message: Message }): void => {
        seen.push({ what, payload, message })
      }
    const handlers = { remindCook: take('remindCook'), stock: take('stock'), blob: take('blob') }
    await app.serve(
      Kitchen,
      { ...handlers, on: [on(Kitchen.events.Ticket, { Accepted: take('Accepted') })] },
      foreign === undefined ? {} : { foreign },
    )
    return { app, seen, wire: await store.wire() }
  }

  test.each([undefined, 'invalid'] as const)(
    'foreign: %s: goes to the invalid messages at once, whole and with the reason',
    async (choice) => {
      const { app, seen, wire } = await open(choice)
      await wire.send([raw('kitchen', 'at 7', 'hello', { 'X-Case': 'ü', 'content-type': 'text/csv' }, 'k')])
      await wire.send([raw('Ticket', 'at 8', '{}', { ce_id: '1', ce_type: 'Ticket.Accepted' })])
      await until(() => app.counters().invalid === 2)
      const [first, ...more] = await invalid(app, 'kitchen')
      expect(more).toEqual([])
      expect(first).toMatchObject({
        code: 'INVALID_MESSAGE',
        message: { id: 'at 7', source: 'kafka:kitchen', key: 'k', kind: 'document', contentType: 'text/csv', headers: { 'X-Case': 'ü' } },
      })
      expect(first?.reason).toMatch(
        /^the message at 7 from kafka:kitchen was not sent as a CloudEvent: it has no CloudEvents attributes; .*"foreign"/,
      )
      expect(Buffer.from(first?.message.body ?? []).toString()).toBe('hello')
      // Events too, which are otherwise skipped where their type is not known.
      const [event] = await invalid(app, 'Ticket', 'kitchen')
      expect(event).toMatchObject({ message: { id: 'at 8', headers: { ce_id: '1', ce_type: 'Ticket.Accepted' } } })
      expect(event?.reason).toContain('no CloudEvents attribute "source"')
      expect([seen.length, app.counters().unknownSkipped]).toEqual([0, 0])
    },
  )

  test('foreign: a document: its handler is given the message as it came', async () => {
    const { app, seen, wire } = await open('stock')
    await wire.send([raw('kitchen', '1', '{"item":"salt"}', { 'x-from': 'far' }, 'k')])
    await wire.send([raw('Ticket', '2', '{"item":"rice"}', { 'content-type': 'application/json' })])
    await until(() => seen.length === 2)
    expect(new Set(seen.map(({ what, payload }) => `${what} ${JSON.stringify(payload)}`))).toEqual(
      new Set(['stock {"item":"salt"}', 'stock {"item":"rice"}']),
    )
    expect(seen.find(({ message }) => message.id === '1')?.message).toMatchObject({
      source: 'kafka:kitchen',
      type: 'pabal:foreign',
      key: 'k',
      headers: { 'x-from': 'far' },
      extensions: { foreign: 'it has no CloudEvents attributes' },
    })
    expect(app.counters()).toMatchObject({ handled: 2, invalid: 0 })
  })

  test('what does not fit the document goes to the invalid messages; redriven and edited it is handled', async () => {
    const { app, seen, wire } = await open('stock')
    await wire.send([
      raw('kitchen', '1', '{"item":7}'),
      raw('kitchen', '2', 'no json'),
      raw('kitchen', '3', '{}', { 'content-type': 'text/csv' }),
    ])
    await until(() => app.counters().invalid === 3)
    const found = await invalid(app, 'kitchen')
    expect(found.map(({ message, reason }) => `${message.id} ${reason}`).toSorted()).toEqual([
      expect.stringMatching(/^1 kitchen\.stock: payload\.item: .*expected string/),
      expect.stringMatching(/^2 kitchen\.stock: the body is not JSON/),
      expect.stringMatching(/^3 kitchen\.stock: the content type is "text\/csv"/),
    ])
    const edit = { body: Buffer.from('{"item":"salt"}') }
    await app.invalidMessages.redrive({ channel: 'kitchen' }, { id: '1' }, { edit: () => edit })
    await until(() => seen.length === 1)
    expect(seen[0]).toMatchObject({ what: 'stock', payload: { item: 'salt' }, message: { id: '1' } })
  })

  test('a binary document takes any bytes', async () => {
    const { seen, wire } = await open('blob')
    await wire.send([raw('kitchen', '1', 'a\0b', { 'content-type': 'image/png' })])
    await until(() => seen.length === 1)
    expect(Buffer.from(seen[0]?.payload as Uint8Array).toString()).toBe('a\0b')
  })

  test('a CloudEvent of another client is what its type says', async () => {
    const { app, seen, wire } = await open()
    const event = { specversion: '1.0', id: '1', source: '/far', type: 'remindCook', data: { ticketId: 't' } }
    await wire.send([raw('kitchen', 'at 7', JSON.stringify(event), { 'content-type': 'application/cloudevents+json' })])
    await until(() => seen.length === 1)
    expect(seen[0]).toMatchObject({ what: 'remindCook', payload: { ticketId: 't' }, message: { id: '1', source: '/far' } })
    expect(app.counters().invalid).toBe(0)
  })
})

test('an ephemeral subscription sets a foreign message aside', async () => {
  const hub = createHub()
  const app = await connect(hub.transport(), { logger: false })
  const wire = hub.transport()
  await wire.open(() => {})
  await app.on(on(Kitchen.events.Ticket, { Accepted: () => {} }))
  await wire.send([raw('Ticket', '1', 'x')])
  await until(() => app.counters().invalid === 1)
  expect(app.counters().unknownSkipped).toBe(0)
  await pause(1)
  await app.close()
  await wire.close()
})

test('the option names a document of the contract', async () => {
  const app = await connect('memory:', { logger: false })
  const handlers = { remindCook: () => {}, stock: () => {}, blob: () => {} }
  for (const foreign of ['remindCook', 'nothing', 7, null])
    expect(await errorOf(app.serve(Kitchen, handlers, { foreign: foreign as 'stock' }))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(
        `the option foreign is ${JSON.stringify(foreign)}, give 'invalid' or a document of the contract: stock, blob`,
      ),
    })
  await app.close()
})
