import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { overviewOf, shardText } from '../../src/cli/channels/overview.ts'
import { connect } from '../../src/index.ts'
import { pause, until } from '../service/apps.ts'
import { Kitchen } from './contracts/kitchen.contract.ts'
import { Restaurant, store } from './kitchen.ts'
import { cli, lines, values } from './pabal.ts'

/** A store with something of everything in it, and nobody there. */
const { url, folder, remove } = store()
beforeAll(async () => {
  const restaurant = new Restaurant()
  restaurant.gas = false
  await restaurant.open(url, { atEnd: 'park' })
  const { app } = restaurant
  const client = app.client(Kitchen)
  await client.cook({ dish: 'bibimbap', n: 2 }, { headers: { 'x-table': '7' } })
  await until(() => app.counters().failedAttempts === 1)
  await client.cook({ dish: 'bibimbap', n: 4 })
  await client.photo(new Uint8Array([0, 255]))
  await until(() => app.counters().deadLettered + app.counters().parked >= 3)
  await app.close()
  const later = await connect(url, { logger: false })
  const sender = later.client(Kitchen)
  for (let n = 0; n < 7; n++) await sender.cook({ dish: n % 3 === 0 ? 'kimchi' : `dish-${n}`, n })
  await sender.note(`\u001b[31mred${'.'.repeat(3000)}`)
  await sender.cook({ dish: 'later', n: 1 }, { after: '1h' })
  await later.close()
})
afterAll(remove)

describe('channels', () => {
  test('one row a channel and group, dead letters beside it', async () => {
    const { code, out } = await cli(['channels', url])
    expect(code).toBe(0)
    expect(lines(out)[0]).toMatch(/^CHANNEL +GROUP +WAITING +OLDEST +PARKED +DEAD +INVALID +MEMBERS$/)
    expect(lines(out).map((line) => line.split(/ +/)[0])).toEqual(['CHANNEL', 'Ticket', 'kitchen', 'reply.order'])
    expect(lines(out)[2]).toMatch(/^kitchen +9 +\d+s +2 +1 +0 +none$/)
  })

  test('for scripts', async () => {
    const [ticket, kitchen] = values((await cli(['channels', url, '--json', '--keys'])).out)
    expect(ticket).toMatchObject({ channel: 'Ticket', kind: 'publish-subscribe', group: 'order', waiting: 0, deadLetters: 0 })
    expect(kitchen).toEqual({
      channel: 'kitchen',
      kind: 'point-to-point',
      waiting: 9,
      oldest: expect.stringMatching(/^\d{4}-.*Z$/),
      parked: 2,
      deadLetters: 1,
      invalidMessages: 0,
      members: [],
      hotKeys: [{ key: 'kimchi', waiting: 3 }, ...['dish-1', 'dish-2', 'dish-4', 'dish-5'].map((key) => ({ key, waiting: 1 }))],
      scanned: 9,
    })
  })

  test('hot keys of the first so many', async () => {
    const { out } = await cli(['channels', url, 'kitchen', '--keys', '--scan', '4'])
    expect(lines(out)[2]).toBe('  hot keys of the first 4: kimchi ×2, dish-1 ×1, dish-2 ×1')
    const narrow = await cli(['channels', url, 'kitchen', '--keys'], { columns: 50 })
    for (const line of lines(narrow.out)) expect(line.length).toBeLessThanOrEqual(50)
  })

  test('who owns which shard, and who is idle', async () => {
    const members = [new Restaurant(), new Restaurant()]
    const other = store()
    try {
      for (const member of members) await member.open(`${other.url}?shards=1`)
      const look = async () =>
        values<{ channel: string; members: { name: string; shards: number; owns: string[] }[] }>(
          (await cli(['channels', other.url, '--json'])).out,
        )
      let kitchen = (await look())[1]
      const name = expect.stringMatching(/^pid \d+\//)
      for (let i = 0; i < 50 && kitchen?.members.length !== 2; i++) {
        await pause(50)
        kitchen = (await look())[1]
      }
      expect(kitchen?.members.sort((a, b) => b.shards - a.shards)).toEqual([
        { name, shards: 1, owns: ['0'] },
        { name, shards: 0, owns: [] },
      ])
      const { out } = await cli(['channels', other.url, 'kitchen', '--shards'])
      expect(out).toMatch(/pid \d+\/\d+( \(\w{6}\))? ×1, 1 idle\n/)
      expect(out).toMatch(/^ {2}pid \d+\/\d+( \(\w{6}\))? owns 1 shard: 0$/m)
      expect(out).toMatch(/^ {2}pid \d+\/\d+( \(\w{6}\))? idle: owns no shard$/m)
    } finally {
      for (const member of members) await member.app.close()
      other.remove()
    }
  })

  test('a subscriber for a while has no name to choose by', async () => {
    const ended = new AbortController()
    const listening = cli(['listen', url, 'Ticket'], { ended: ended.signal })
    let groups: unknown[] = []
    for (let i = 0; i < 50 && groups.length < 2; i++) {
      await pause(50)
      groups = values((await cli(['channels', url, 'Ticket', '--json'])).out).map(({ group }) => group)
    }
    expect(groups).toEqual(['order', expect.stringMatching(/^~.{8}/)])
    expect((await cli(['channels', url, 'Ticket'])).out).toMatch(/^Ticket +~\w{6} +0 /m)
    expect((await cli(['messages', url, 'Ticket'])).out).toBe('Nothing waits here.\n')
    ended.abort()
    expect((await listening).code).toBe(0)
  })

  test('watched: again and again, until it is ended', async () => {
    const watch = (columns?: number) => {
      const ended = new AbortController()
      const wrote = (out: string): void => {
        if (out.split('CHANNEL').length > 3) ended.abort()
      }
      const around = { ended: ended.signal, wrote, ...(columns !== undefined && { columns }) }
      return cli(['channels', url, 'kitchen', '--watch', '--every', '50ms'], around)
    }
    const { code, out } = await watch()
    expect(code).toBe(0)
    expect(out).not.toContain('\u001b')
    expect((await watch(80)).out).toContain('\u001b[H')
  })

  test('an empty store', async () => {
    const empty = store()
    await (await connect(empty.url, { logger: false })).close()
    expect((await cli(['channels', empty.url])).out).toBe('There are no channels yet: they come to be when the first service starts.\n')
    expect((await cli(['channels', empty.url, '--json'])).out).toBe('')
    expect((await cli(['dead-letters', 'list', empty.url])).out).toBe('There are no dead letters.\n')
    expect((await cli(['messages', empty.url, 'kitchen'])).err).toContain('there are none')
    expect((await cli(['listen', empty.url])).err).toContain('name a channel, or give --contract')
    empty.remove()
  })

  test('what cannot be opened: 3', async () => {
    const other = join(folder, 'text.txt')
    writeFileSync(other, 'no database, but long enough to be looked at as one'.repeat(100))
    const { code, err } = await cli(['channels', `sqlite:${other}`])
    expect(code).toBe(3)
    expect(err).toContain('STORE_CORRUPT')
  })

  test('a channel that is not there', async () => {
    const { code, err } = await cli(['channels', url, 'kitchn'])
    expect(code).toBe(2)
    expect(err).toContain('Did you mean "kitchen"?')
  })

  test.each([
    [['3', '0', '1', '2', '7'], '0-3, 7'],
    [['unkeyed', '1'], 'unkeyed, 1'],
    [[], ''],
  ])('shards %j', (shards, text) => expect(shardText(shards)).toBe(text))

  test('dead letters without their channel have a row of their own', () => {
    const depth = { channel: { address: 'gone.dead', kind: 'point-to-point' as const }, waiting: 3, parked: 0, owners: {} }
    expect(overviewOf([depth])).toEqual([{ depth, dead: undefined, invalid: undefined }])
  })
})

describe('messages', () => {
  test('what waits, in order; long ones are cut, control characters are shown', async () => {
    const { out } = await cli(['messages', url, 'kitchen'])
    expect(out).toContain('\\u001b[31mred')
    expect(out).not.toContain('\u001b')
    expect(out).toMatch(/\.{1900,2000} … \(3,008 bytes in all; --json shows them\)/)
    expect(out).toMatch(/not before \d{4}-/)
  })

  test('of one key, of one type, so many', async () => {
    const dishes = async (...args: string[]) =>
      values<{ payload: { n: number } }>((await cli(['messages', url, 'kitchen', '--json', ...args])).out).map(({ payload }) => payload.n)
    expect(await dishes('--key', 'kimchi')).toEqual([0, 3, 6])
    expect(await dishes('--type', 'cook', '--limit', '2')).toEqual([0, 1])
    const { out } = await cli(['messages', url, 'kitchen', '--limit', '2'])
    expect(out).toContain('The first 2 of 9; --limit shows more.')
    expect((await cli(['messages', url, 'kitchen', '--key', 'nobody'])).out).toBe('Nothing that fits waits here.\n')
  })

  test('the only group of a channel need not be named; a wrong one is', async () => {
    expect((await cli(['messages', url, 'Ticket'])).out).toBe('Nothing waits here.\n')
    expect((await cli(['messages', url, 'Ticket', '--group', 'odrer'])).err).toContain(
      'Ticket has no group "odrer"; it has order. Did you mean "order"?',
    )
    expect((await cli(['messages', url, 'kitchen', '--group', 'x'])).err).toContain('leave --group away')
  })
})
