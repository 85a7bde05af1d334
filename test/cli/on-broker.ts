import { afterAll, beforeAll, expect, test } from 'vitest'
import { Restaurant } from './kitchen.ts'
import { cli, listen, values } from './pabal.ts'

const file = 'contracts/kitchen.contract.ts'
const json = async <T = Record<string, unknown>>(...args: string[]): Promise<T[]> => {
  const { code, out, err } = await cli([...args, '--json'])
  expect(code, err).toBe(0)
  return values<T>(out)
}

/** The command line on a broker, with an environment of two shards of its own: what it shows and does comes from the transport's admin. */
export function onBroker(url: string): void {
  const restaurant = new Restaurant()
  beforeAll(() => restaurant.open(url, { atEnd: 'skip' }), 60_000)
  afterAll(() => restaurant.app.close(), 60_000)

  const eventually = async (what: () => Promise<boolean>): Promise<void> => {
    for (const end = performance.now() + 20_000; !(await what()); await new Promise((resolve) => setTimeout(resolve, 100)))
      if (performance.now() > end) throw new Error(`never came true: ${what}`)
  }

  test('send, request, listen', async () => {
    const listening = await listen([url, 'Ticket', '--contract', file, '--count', '1', '--for', '30s', '--json'])
    expect((await cli(['send', url, file, 'Ticket.Done', '{"n":1}', '--key', 't-1'])).code).toBe(0)
    const heard = values((await listening.ended).out)
    expect(heard).toMatchObject([{ channel: 'Ticket', type: 'Ticket.Done', key: 't-1', source: 'kitchen', payload: { n: 1 } }])
    expect(await json('request', url, file, 'createTicket', '{"orderId":"x"}', '--within', '15s')).toMatchObject([{ type: 'Created' }])
  })

  test('dead letters are listed, edited, redriven and discarded; channels show them', async () => {
    restaurant.gas = false
    for (const n of [2, 4, 6]) await cli(['send', url, file, 'cook', JSON.stringify({ dish: 'kimchi', n })])
    const dead = async () =>
      await json<{ id: string; payload: { n: number } }>('dead-letters', 'list', url, '--channel', 'kitchen', '--reason', 'no gas')
    await eventually(async () => (await dead()).length === 3)
    const letters = await dead()
    expect(letters.map(({ payload }) => payload.n)).toEqual([2, 4, 6])
    const [kitchen] = await json('channels', url, 'kitchen')
    expect(kitchen).toMatchObject({ deadLetters: 3, members: [{ shards: 2 }] })
    restaurant.gas = true
    const { id } = letters[0] as { id: string }
    expect(await json('dead-letters', 'edit', url, id, '--set', 'n=3', '--contract', file)).toMatchObject([{ done: 1 }])
    await eventually(async () => restaurant.cooked.includes(3))
    expect(await json('dead-letters', 'redrive', url, '--limit', '1', '--dry-run')).toMatchObject([{ matched: 1, done: 0 }])
    expect(await json('dead-letters', 'redrive', url, '--limit', '1')).toMatchObject([{ matched: 1, done: 1 }])
    await eventually(async () => restaurant.cooked.includes(4))
    expect(await json('dead-letters', 'discard', url, '--yes')).toMatchObject([{ matched: 1, done: 1 }])
    expect(await dead()).toEqual([])
  })

  test('a queue nobody reads: depth, oldest message and hot keys', async () => {
    await restaurant.app.close()
    for (const n of [1, 2, 3]) await cli(['send', url, file, 'cook', JSON.stringify({ dish: n < 3 ? 'kimchi' : 'other', n })])
    const [kitchen] = await json('channels', url, 'kitchen', '--keys')
    expect(kitchen).toMatchObject({
      waiting: 3,
      hotKeys: [
        { key: 'kimchi', waiting: 2 },
        { key: 'other', waiting: 1 },
      ],
      scanned: 3,
    })
    const found = await json<{ payload: { n: number } }>('messages', url, 'kitchen', '--key', 'kimchi')
    expect(found.map(({ payload }) => payload.n)).toEqual([1, 2])
  })
}
