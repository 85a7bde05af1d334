import { describe, expect, test, vi } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../../src/channel/names.ts'
import { createConsumer } from '../../src/delivery/consumer.ts'
import { emptyCounters } from '../../src/delivery/counters.ts'
import { type DeadLetters, deadLetters } from '../../src/delivery/dead-letters.ts'
import { type DeliveryOptions, policyFrom } from '../../src/delivery/policy.ts'
import type { Consumer } from '../../src/delivery/types.ts'
import type { Waiting, Where } from '../../src/delivery/waiting.ts'
import { PabalError } from '../../src/errors.ts'
import type { Message } from '../../src/message/message.ts'
import { SimulatedRuntime } from '../../src/runtime/simulated.ts'
import { createHub } from '../../src/transport/memory/index.ts'
import type { Transport } from '../../src/transport/seam.ts'
import { message } from './harness.ts'

const channel: Channel = { address: 'Order', kind: 'publish-subscribe' }
const dead: Where = { channel, group: 'kitchen', lot: 'dead' }
const invalid: Where = { channel, group: 'kitchen', lot: 'invalid' }
const parked: Where = { channel, group: 'kitchen', lot: 'parked' }

/** A consumer on the memory transport whose handler fails for as long as the test says so. */
class Shop {
  readonly runtime = new SimulatedRuntime(1)
  readonly handled: Message[] = []
  readonly counters = emptyCounters()
  fails: (message: Message) => boolean = () => true
  letters!: DeadLetters
  consumer!: Consumer
  transport!: Transport

  static async open(options: DeliveryOptions = {}): Promise<Shop> {
    const shop = new Shop()
    const { runtime } = shop
    const transport = createHub({ runtime }).transport()
    shop.transport = transport
    const capabilities = await transport.open(() => undefined)
    await transport.provision([channel, deadLetterChannel(channel, 'kitchen'), invalidMessageChannel(channel, 'kitchen')], 'create')
    shop.consumer = await createConsumer({
      transport,
      capabilities,
      runtime,
      channel,
      group: 'kitchen',
      durable: true,
      unknown: 'grace',
      policy: policyFrom({ retry: { attempts: 1 }, ...options }),
      counters: shop.counters,
      report: () => undefined,
      route: () => ({
        decode: (each) => {
          if (each.body.byteLength === 0) throw new PabalError('INVALID_MESSAGE', 'it is empty')
          return each
        },
        handle: async (each) => {
          if (shop.fails(each as Message)) throw new Error('no stock')
          shop.handled.push(each as Message)
          return []
        },
      }),
    })
    shop.letters = deadLetters(transport, runtime)
    return shop
  }

  async send(...messages: Message[]): Promise<void> {
    await this.transport.send(messages.map((each) => ({ channel, message: each, durable: true })))
    await this.runtime.run(1000)
  }

  async list(where: Where, ...which: Parameters<DeadLetters['list']> extends [unknown, ...infer R] ? R : never): Promise<Waiting[]> {
    const all: Waiting[] = []
    for await (const each of this.letters.list(where, ...which)) all.push(each)
    return all
  }

  get ids(): string[] {
    return this.handled.map((each) => each.id)
  }
}

const ids = (all: readonly Waiting[]): string[] => all.map((each) => each.message.id)

describe('dead letters', () => {
  test('are listed with their reason and shown by id', async () => {
    const shop = await Shop.open()
    await shop.send(message({ id: 'a1', key: 'A', type: 'Place' }), message({ id: 'b1', key: 'B', type: 'Cancel' }))
    expect(ids(await shop.list(dead))).toEqual(['a1', 'b1'])
    expect(ids(await shop.list(dead, { type: 'Cancel' }))).toEqual(['b1'])
    expect(ids(await shop.list(dead, { code: 'PROCESS_KILLED' }))).toEqual([])
    expect(await shop.letters.show(dead, 'b1')).toMatchObject({
      code: 'ATTEMPTS_SPENT',
      attempts: 1,
      follows: false,
      last: expect.any(Number),
    })
    expect(await shop.letters.show(dead, 'zzz')).toBeUndefined()
  })

  test('redrive puts them back in order for their key, as they were before', async () => {
    const shop = await Shop.open()
    const sent = [1, 2, 3, 4].flatMap((n) =>
      ['A', 'B'].map((key) => message({ id: `${key}${n}`, key, headers: { n: String(n) }, extensions: { traceparent: 't' } })),
    )
    await shop.send(...sent)
    expect(shop.counters.deadLettered).toBe(8)
    shop.fails = () => false
    expect(await shop.letters.redrive(dead)).toEqual({ done: 8, gone: 0 })
    await shop.runtime.run(1000)
    expect(shop.ids.filter((id) => id.startsWith('A'))).toEqual(['A1', 'A2', 'A3', 'A4'])
    expect(shop.ids.filter((id) => id.startsWith('B'))).toEqual(['B1', 'B2', 'B3', 'B4'])
    for (const each of sent) {
      const again = shop.handled.find(({ id }) => id === each.id)
      expect({ ...again, body: Buffer.from(again?.body ?? []) }).toEqual(each)
    }
    expect(await shop.list(dead)).toEqual([])
  })

  test('by filter only, edited on the way, with progress and at a rate', async () => {
    const shop = await Shop.open()
    await shop.send(...['a', 'b', 'c', 'd'].map((id) => message({ id, type: id === 'd' ? 'Other' : 'Place' })))
    shop.fails = () => false
    const seen: string[] = []
    const started = shop.runtime.monotonic()
    const redriven = shop.letters.redrive(
      dead,
      { type: 'Place' },
      {
        rate: 10,
        edit: ({ message: { id } }) => (id === 'b' ? { body: Buffer.from('mended'), headers: { by: 'hand' } } : undefined),
        progress: async ({ done }, { message: { id } }) =>
          void seen.push(`${id} ${done} ${Math.round(shop.runtime.monotonic() - started)}`),
      },
    )
    await shop.runtime.run(5000)
    expect(await redriven).toEqual({ done: 3, gone: 0 })
    expect(seen).toEqual(['a 1 0', 'b 2 100', 'c 3 200'])
    const b = shop.handled.find((each) => each.id === 'b')
    expect([Buffer.from(b?.body ?? []).toString(), b?.headers]).toEqual(['mended', { by: 'hand' }])
    expect(ids(await shop.list(dead))).toEqual(['d'])
  })

  test('what fails again while all are redriven is not redriven for ever', async () => {
    const shop = await Shop.open()
    // More than are read at a time, so that the first are back before the last are reached.
    const all = Array.from({ length: 150 }, (_, i) => `m${i}`)
    await shop.send(...all.map((id) => message({ id })))
    let result: unknown
    shop.letters.redrive(dead, {}, { rate: 100 }).then((treated) => {
      result = treated
    })
    await shop.runtime.run(5000)
    expect(result).toEqual({ done: 150, gone: 0 })
    expect(shop.counters.deadLettered).toBe(300)
    expect(ids(await shop.list(dead))).toEqual(all)
  })

  test('a faulty edit is refused and the message stays', async () => {
    const shop = await Shop.open()
    await shop.send(message({ id: 'a' }))
    const refused = shop.letters.redrive(dead, {}, { edit: () => ({ headers: { bad: 'line\nbreak' } }) })
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_HEADER' })
    await expect(shop.letters.redrive(dead, {}, { rate: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    expect(ids(await shop.list(dead))).toEqual(['a'])
  })

  test('discard takes them away', async () => {
    const shop = await Shop.open()
    await shop.send(message({ id: 'a' }), message({ id: 'b' }))
    expect(await shop.letters.discard(dead, { id: 'a' })).toEqual({ done: 1, gone: 0 })
    expect(ids(await shop.list(dead))).toEqual(['b'])
    await expect(shop.letters.skip(dead)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('invalid messages', () => {
  test('are mended and redriven', async () => {
    const shop = await Shop.open()
    await shop.send(message({ id: 'a', body: Buffer.alloc(0) }))
    expect(await shop.list(invalid)).toMatchObject([{ code: 'INVALID_MESSAGE', reason: 'it is empty', attempts: 0 }])
    shop.fails = () => false
    await shop.letters.redrive(invalid, {}, { edit: () => ({ body: Buffer.from('full') }) })
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['a'])
  })
})

describe('parked messages', () => {
  const three = ['A1', 'A2', 'A3'].map((id) => message({ id, key: 'A' }))
  const lot = async (): Promise<Shop> => {
    const shop = await Shop.open({ atEnd: 'park' })
    await shop.send(...three)
    expect(shop.consumer.load.parkedKeys).toBe(1)
    expect((await shop.list(parked)).map((each) => [each.message.id, each.code, each.follows])).toEqual([
      ['A1', 'ATTEMPTS_SPENT', false],
      ['A2', 'KEY_PARKED', true],
      ['A3', 'KEY_PARKED', true],
    ])
    return shop
  }

  test('a redriven head lets the rest follow in order', async () => {
    const shop = await lot()
    shop.fails = () => false
    expect(await shop.letters.redrive(parked)).toEqual({ done: 1, gone: 0 })
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['A1', 'A2', 'A3'])
    expect(shop.consumer.load.parkedKeys).toBe(0)
  })

  test('an edited head lets the rest follow in order', async () => {
    const shop = await lot()
    shop.fails = ({ headers }) => headers.mended === undefined
    await shop.letters.redrive(parked, { id: 'A1' }, { edit: () => ({ headers: { mended: 'yes' } }) })
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['A1'])
    shop.fails = () => false
    await shop.letters.redrive(parked)
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['A1', 'A2', 'A3'])
  })

  test('a skipped head goes to the dead letters and the rest follows in order', async () => {
    const shop = await lot()
    shop.fails = () => false
    expect(await shop.letters.skip(parked, { key: 'A' })).toEqual({ done: 1, gone: 0 })
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['A2', 'A3'])
    expect(await shop.list(dead)).toMatchObject([{ message: { id: 'A1' }, code: 'ATTEMPTS_SPENT', attempts: 1 }])
  })

  test('a discarded head is gone and the rest follows in order', async () => {
    const shop = await lot()
    shop.fails = () => false
    await shop.letters.discard(parked)
    await shop.runtime.run(1000)
    expect(shop.ids).toEqual(['A2', 'A3'])
    expect(await shop.list(dead)).toEqual([])
    expect(await shop.list(parked)).toEqual([])
    await shop.send(message({ id: 'A4', key: 'A' }))
    expect(shop.ids.at(-1)).toBe('A4')
    expect(shop.counters.parked).toBe(3)
  })
})

describe('a place that is not there is named with those that are', () => {
  test.each<[string, Where, string]>([
    [
      'a channel',
      { channel: { address: 'Ordr', kind: 'publish-subscribe' }, group: 'kitchen', lot: 'dead' },
      'there is no channel "Ordr"; there are Order (kitchen)',
    ],
    [
      'its parking lot',
      { channel: { address: 'ordr', kind: 'point-to-point' }, lot: 'parked' },
      'there is no channel "ordr"; there are Order (kitchen)',
    ],
    [
      'a group',
      { channel, group: 'kitchn', lot: 'invalid' },
      'there is no group "kitchn" on the channel "Order": Order has only the groups kitchen',
    ],
    [
      'no group',
      { channel: { ...channel, kind: 'point-to-point' }, lot: 'dead' },
      'no group was given: Order has the groups kitchen: give the one whose messages are meant',
    ],
  ])('%s', async (_, where, said) => {
    const shop = await Shop.open()
    const error = expect.objectContaining({ code: 'UNKNOWN_CHANNEL', message: said })
    await expect(shop.list(where)).rejects.toThrowError(error)
    await expect(shop.letters.show(where, 'A1')).rejects.toThrowError(error)
    await expect(shop.letters.discard(where)).rejects.toThrowError(error)
    await expect(shop.letters.redrive(where, {}, { dryRun: true })).rejects.toThrowError(error)
  })

  test('a place that is there and empty is no fault, and is asked about once', async () => {
    const shop = await Shop.open()
    const { admin } = shop.transport
    const depths = vi.fn(() => admin?.depths())
    const counting = {
      ...shop.transport,
      admin: { browse: admin?.browse.bind(admin), depths },
    } as unknown as Transport
    const letters = deadLetters(counting, shop.runtime)
    for (const where of [dead, invalid, parked])
      for (let i = 0; i < 3; i++) expect(await letters.discard(where)).toEqual({ done: 0, gone: 0 })
    expect(depths).toHaveBeenCalledTimes(3)
  })
})

test('a transport without admin is refused by name', async () => {
  const { transport, runtime } = await Shop.open()
  const without = { name: 'plain', send: transport.send } as unknown as Transport
  expect(() => deadLetters(without, runtime)).toThrowError(
    expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('plain') }),
  )
})
