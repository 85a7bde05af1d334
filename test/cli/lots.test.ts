import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DeliveryOptions } from '../../src/index.ts'
import { pause, until } from '../service/apps.ts'
import { Kitchen } from './contracts/kitchen.contract.ts'
import { Restaurant, store } from './kitchen.ts'
import { cli, lines, values } from './pabal.ts'

let place: ReturnType<typeof store>
let restaurant: Restaurant
beforeEach(() => {
  place = store()
  restaurant = new Restaurant()
})
afterEach(async () => {
  await restaurant.app.close()
  place.remove()
})

interface Letter {
  readonly id: string
  readonly key: string
  readonly payload: { readonly n: number }
}
const lot = (...args: string[]) => cli([args[0] as string, args[1] as string, place.url, ...args.slice(2)])
const letters = async (name = 'dead-letters', ...args: string[]): Promise<Letter[]> =>
  values<Letter>((await lot(name, 'list', '--json', ...args)).out)
const tables = async (name?: string, ...args: string[]): Promise<number[]> => (await letters(name, ...args)).map(({ payload }) => payload.n)

/** Dead letters 2, 4, 6 of two keys, a photo, and one of the order's group. */
async function fail(options: DeliveryOptions = {}): Promise<void> {
  restaurant.gas = false
  await restaurant.open(place.url, options)
  const client = restaurant.app.client(Kitchen)
  for (const [n, dish] of [
    [2, 'kimchi'],
    [4, 'bibimbap'],
    [6, 'kimchi'],
  ] as const)
    await client.cook({ dish, n })
  await client.photo(new Uint8Array([0, 255]))
  expect((await cli(['send', place.url, 'contracts/kitchen.contract.ts', 'Ticket.Done', '{"n":8}', '--key', 't-1'])).code).toBe(0)
  await until(() => restaurant.app.counters().deadLettered + restaurant.app.counters().parked === 5)
  // Counted when it is decided, stored a moment later.
  await pause(200)
}

describe('dead letters are looked at', () => {
  beforeEach(() => fail())

  test('listed, with channel, key, code and what the handler said', async () => {
    const { code, out } = await lot('dead-letters', 'list')
    expect(code).toBe(0)
    expect(lines(out)[0]).toMatch(/^ID +CHANNEL +TYPE +KEY +FAILED +TRIED +CODE +REASON$/)
    expect(lines(out).find((line) => line.includes('bibimbap'))).toMatch(
      /^[\w-]{36} +kitchen +cook +bibimbap +\d+s +1 +ATTEMPTS_SPENT +no gas for table "4"$/,
    )
    expect(lines(out).find((line) => line.includes('Ticket.Done'))).toMatch(/Ticket\/order +Ticket\.Done +t-1 .* the history is full$/)
    const narrow = await cli(['dead-letters', 'list', place.url], { columns: 80 })
    for (const line of lines(narrow.out)) expect(line.length).toBeLessThanOrEqual(80)
    expect(lines(narrow.out)[1]).toMatch(/^\w{12} /)
  })

  test('by channel, group, type, key, code, reason, age; so many', async () => {
    // Of two keys: which of them fails first is not said.
    expect((await tables('dead-letters', '--type', 'cook')).sort()).toEqual([2, 4, 6])
    expect(await tables('dead-letters', '--key', 'kimchi')).toEqual([2, 6])
    expect(await tables('dead-letters', '--channel', 'Ticket')).toEqual([8])
    expect(await tables('dead-letters', '--group', 'order')).toEqual([8])
    expect(await tables('dead-letters', '--reason', 'HISTORY')).toEqual([8])
    expect(await tables('dead-letters', '--code', 'PROCESS_KILLED')).toEqual([])
    expect(await tables('dead-letters', '--older-than', '1h')).toEqual([])
    expect(await tables('dead-letters', '--older-than', '1ms', '--type', 'cook', '--limit', '2')).toHaveLength(2)
    expect((await lot('dead-letters', 'list', '--limit', '2')).out).toContain('The first 2 of 5 dead letters.')
    expect((await lot('dead-letters', 'list', '--key', 'x')).out).toBe('There are no dead letters that fit.\n')
    expect((await lot('dead-letters', 'list', '--channel', 'kitchn')).err).toContain('Did you mean "kitchen"?')
    expect((await lot('dead-letters', 'list', '--group', 'ordr')).err).toContain('Did you mean "order"?')
  })

  test('counted by what went wrong, numbers and ids apart', async () => {
    const { out } = await lot('dead-letters', 'list', '--summary', '--json')
    expect(values(out).map(({ count, channel, group, type }) => [count, channel, group, type])).toEqual([
      [3, 'kitchen', undefined, 'cook'],
      [1, 'Ticket', 'order', 'Ticket.Done'],
      [1, 'kitchen', undefined, 'photo'],
    ])
    expect(lines((await lot('dead-letters', 'list', '--summary')).out)[1]).toMatch(
      /^ +3 +kitchen +cook .*ATTEMPTS_SPENT +no gas for table "2"$/,
    )
  })

  test('shown whole, by an id or its end', async () => {
    const [first] = await letters('dead-letters', '--type', 'photo')
    const { code, out } = await lot('dead-letters', 'show', (first?.id ?? '').slice(-10))
    expect(code).toBe(0)
    expect(out).toMatch(/^photo\n {2}dead letter of kitchen\n {2}ATTEMPTS_SPENT: .*no film\n {2}1 attempt, \d{4}-/)
    expect(out).toContain('base64:\n  AP8=')
    expect(values((await lot('dead-letters', 'show', first?.id ?? '', '--json')).out)).toMatchObject([
      { channel: 'kitchen', code: 'ATTEMPTS_SPENT', encoding: 'base64', payload: 'AP8=', extensions: {} },
    ])
    expect(await lot('dead-letters', 'show', 'nobody')).toMatchObject({ code: 1, err: 'There is no message nobody here, or no longer.\n' })
    const shared = (first?.id ?? '').slice(0, 6)
    expect((await lot('dead-letters', 'show', shared)).err).toMatch(/means \d messages, such as .*: give more of the id/)
  })
})

describe('dead letters are treated', () => {
  beforeEach(() => fail())

  test('a dry run does nothing and shows what it would', async () => {
    const { code, out } = await lot('dead-letters', 'redrive', '--key', 'kimchi', '--dry-run')
    expect(code).toBe(0)
    expect(lines(out)).toHaveLength(4)
    expect(out).toContain('Would redrive 2 dead letters of kitchen. Nothing was done.')
    expect(values((await lot('dead-letters', 'discard', '--dry-run', '--json')).out)).toEqual([
      { action: 'discard', matched: 5, done: 0, gone: 0, dryRun: true },
    ])
    expect(await letters()).toHaveLength(5)
  })

  test('redriven in order, slowly, so many, without being asked', async () => {
    restaurant.gas = true
    const before = performance.now()
    const { code, out } = await lot('dead-letters', 'redrive', '--type', 'cook', '--rate', '5/s', '--limit', '2', '--json')
    expect(performance.now() - before).toBeGreaterThan(190)
    expect(code).toBe(0)
    expect(values(out)).toEqual([{ action: 'redrive', matched: 2, done: 2, gone: 0, dryRun: false }])
    await until(() => restaurant.cooked.length === 2)
    expect(restaurant.cooked).toEqual([2, 4])
    expect((await lot('dead-letters', 'redrive')).out).toBe('Redrove 3 dead letters of Ticket/order, kitchen.\n')
    await until(() => restaurant.cooked.length === 4)
    expect(await letters()).toEqual([])
    expect((await lot('dead-letters', 'redrive')).out).toBe('There are no dead letters that fit.\n')
  })

  test('several are discarded only by somebody who says so', async () => {
    const { code, err } = await lot('dead-letters', 'discard', '--type', 'cook')
    expect(code).toBe(2)
    expect(err).toContain('Discard 3 dead letters of kitchen? Nobody can be asked here: give --yes')
    const args = ['dead-letters', 'discard', place.url, '--type', 'cook']
    const no = await cli(args, { columns: 80, answer: 'n' })
    expect(no).toMatchObject({ code: 130, err: expect.stringContaining('Discard 3 dead letters of kitchen? [y/N] Nothing was done.') })
    expect(await letters()).toHaveLength(5)
    const yes = await cli(args, { columns: 80, answer: 'y' })
    expect(yes).toMatchObject({ code: 0, out: 'Discarded 3 dead letters of kitchen.\n' })
    expect(yes.err).toContain('3/3')
    expect((await lot('dead-letters', 'discard', '--yes', '--json')).code).toBe(0)
    expect(await letters()).toEqual([])
  })

  test('one is discarded by its id, and is then gone', async () => {
    const [first] = await letters()
    expect((await lot('dead-letters', 'discard', first?.id ?? '')).out).toMatch(/^Discarded 1 dead letter of /)
    expect((await lot('dead-letters', 'discard', first?.id ?? '')).code).toBe(1)
    expect((await lot('dead-letters', 'discard', first?.id ?? '', '--key', 'x')).err).toContain('Give ids or filters, not both.')
  })

  test('ended half way, nothing is lost', async () => {
    restaurant.gas = true
    const ended = new AbortController()
    const working = cli(['dead-letters', 'redrive', place.url, '--type', 'cook', '--rate', '2/s'], { ended: ended.signal })
    await until(() => restaurant.cooked.length === 1)
    ended.abort()
    const { code, err } = await working
    expect(code).toBe(130)
    expect(err).toMatch(/^Stopped\. Redrove [12] of 3 dead letters; the others are as they were\.\n$/)
    expect((await tables('dead-letters', '--type', 'cook')).length).toBe(3 - Number(/Redrove (\d)/.exec(err)?.[1]))
  })

  test('said where nobody is there to handle them', async () => {
    await restaurant.app.close()
    expect((await lot('dead-letters', 'redrive', '--channel', 'kitchen')).out).toBe(
      'Redrove 4 dead letters of kitchen.\nNobody reads kitchen now: it is carried out when the service runs again.\n',
    )
    restaurant = new Restaurant()
    await restaurant.open(place.url)
    await until(() => restaurant.cooked.length === 3)
    expect(restaurant.cooked.filter((n) => n !== 4)).toEqual([2, 6])
  })
})

describe('dead letters are edited', () => {
  beforeEach(() => fail())
  const contract = ['--contract', 'contracts/kitchen.contract.ts']

  test('by fields and headers, checked by the contract, and handled again', async () => {
    const [first] = await letters('dead-letters', '--key', 'bibimbap')
    const id = first?.id ?? ''
    const wrong = await lot('dead-letters', 'edit', id, '--set', 'n=four', ...contract)
    expect(wrong.code).toBe(2)
    expect(wrong.err).toContain('would not fit: kitchen.cook: payload.n')
    expect((await lot('dead-letters', 'edit', id, '--set', 'n=5', '--header', 'x=y', ...contract)).out).toBe(
      'Edited and redrove 1 dead letter of kitchen.\n',
    )
    await until(() => restaurant.cooked.includes(5))
    expect(await tables('dead-letters', '--key', 'bibimbap')).toEqual([])
  })

  test('in an editor', async () => {
    const [first] = await letters('dead-letters', '--key', 'bibimbap')
    const args = ['dead-letters', 'edit', place.url, first?.id ?? '']
    const env = { EDITOR: 'an-editor' }
    expect((await cli(args)).err).toContain('Set EDITOR to your editor')
    expect((await cli(args, { env, editor: () => 0 })).out).toContain('Nothing was changed, so nothing was done.')
    expect((await cli(args, { env, editor: () => 3 })).err).toContain('ended with code 3: nothing was done')
    const spoilt = await cli(args, { env, editor: (file) => Number(writeFileSync(file, '{') ?? 0) })
    const kept = /kept in (.*)\.\n/.exec(spoilt.err)?.[1] as string
    expect(readFileSync(kept, 'utf8')).toBe('{')
    expect(await tables('dead-letters', '--key', 'bibimbap')).toEqual([4])
    const edited = await cli(args, {
      env,
      editor: (file) => {
        const text = readFileSync(file, 'utf8')
        expect(JSON.parse(text)).toEqual({ about: expect.stringContaining('no gas'), headers: {}, json: { dish: 'bibimbap', n: 4 } })
        writeFileSync(file, text.replace('"n": 4', '"n": 7'))
        return 0
      },
    })
    expect(edited.code).toBe(0)
    await until(() => restaurant.cooked.includes(7))
    expect((await cli(['dead-letters', 'edit', place.url, '--key', 'kimchi'], { env })).err).toContain('An editor changes one message')
  })

  test('several, once confirmed', async () => {
    expect((await lot('dead-letters', 'edit', '--key', 'kimchi', '--set', 'n=9')).code).toBe(2)
    expect((await lot('dead-letters', 'edit', '--key', 'kimchi', '--body', '{"dish":"kimchi","n":9}', '--yes')).code).toBe(0)
    await until(() => restaurant.cooked.length === 2)
    expect(restaurant.cooked).toEqual([9, 9])
  })
})

describe('parked keys', () => {
  beforeEach(() => fail({ atEnd: 'park' }))

  test('heads and followers are listed; a redriven head lets its followers go on', async () => {
    await until(() => restaurant.app.counters().parked === 3)
    expect(await tables('parked', '--key', 'kimchi')).toEqual([2, 6])
    expect((await lot('parked', 'list', '--key', 'kimchi')).out).toMatch(/by hand +ATTEMPTS_SPENT .*\n.*after its head +KEY_PARKED/)
    restaurant.gas = true
    expect((await lot('parked', 'redrive', '--key', 'kimchi')).out).toBe('Redrove 1 parked message of kitchen.\n')
    await until(() => restaurant.cooked.length === 2)
    expect(restaurant.cooked).toEqual([2, 6])
  })

  test('an edited one in its place, a skipped one to the dead letters, a discarded one nowhere', async () => {
    const [head, follower] = await letters('parked', '--key', 'kimchi')
    expect((await lot('parked', 'edit', head?.id ?? '', '--set', 'n=3')).code).toBe(0)
    await until(() => restaurant.cooked.includes(3))
    // The follower fails now, and is a head itself.
    for (let i = 0; i < 50 && !/"code":"ATTEMPTS_SPENT".*"n":6/.test((await lot('parked', 'list', '--json', '--key', 'kimchi')).out); i++)
      await pause(50)
    expect((await lot('parked', 'skip', follower?.id ?? '')).out).toBe('Skipped 1 parked message of kitchen.\n')
    for (let i = 0; i < 50 && (await tables('dead-letters', '--key', 'kimchi')).length === 0; i++) await pause(50)
    expect(await tables('dead-letters', '--key', 'kimchi')).toEqual([6])
    expect((await lot('parked', 'discard', '--key', 'bibimbap', '--yes')).out).toBe('Discarded 1 parked message of kitchen.\n')
    for (let i = 0; i < 50 && (await tables('parked', '--channel', 'kitchen')).length > 0; i++) await pause(50)
    expect(await letters('parked', '--channel', 'kitchen')).toEqual([])
  })
})
