import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { inspect } from '../../src/cli/inspect.ts'
import { connect, defineService, document, event, notification, on, type PabalError } from '../../src/index.ts'
import { errorOf, until } from '../service/apps.ts'

/** One store with something of everything in it, and what a person is shown of it. */
const folder = mkdtempSync(join(tmpdir(), 'pabal-inspect-'))
const url = `sqlite:${join(folder, 'store.db')}`
const Kitchen = defineService('kitchen', {
  version: '1.0.0',
  commands: { cook: notification(z.object({ dish: z.string(), n: z.number() }), { key: 'dish' }), burn: notification(z.object({})) },
  documents: { photo: document(z.instanceof(Uint8Array), { content: 'binary' }), note: document(z.string(), { content: 'text' }) },
  events: { Ticket: { Done: event(z.object({ n: z.number() })) } },
})

beforeAll(async () => {
  const app = await connect(url, { logger: false, retry: { attempts: 1 } })
  const fail = (): never => {
    throw new Error('the oven is cold')
  }
  const kitchen = await app.serve(Kitchen, { cook: fail, photo: fail, burn: () => {}, note: () => {} }, { atEnd: 'park' })
  const history = await app.serve(defineService('history', { version: '1.0.0' }), {
    on: [on(Kitchen.events.Ticket, { Done: () => {} })],
  })
  const client = app.client(Kitchen)
  await client.cook({ dish: 'bibimbap', n: 1 }, { headers: { 'x-table': '7' } })
  await until(() => app.counters().failedAttempts === 1)
  await client.cook({ dish: 'bibimbap', n: 2 })
  await client.photo(new Uint8Array([0, 255]))
  await until(() => app.counters().deadLettered + app.counters().parked >= 3)
  await history.close()
  await kitchen.close()
  await client.note(`\u001b[31mred${'.'.repeat(3000)}`)
  await client.burn({}, { after: '1h' })
  await kitchen.publish.Ticket.Done('t-1', { n: 1 }).catch(() => undefined)
  await app.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let lines: string[] = []
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(...text.split('\n')))
})
afterEach(() => void vi.restoreAllMocks())

const shown = async (...args: string[]): Promise<string> => {
  await inspect(args)
  return lines.join('\n')
}

test('every channel and group, with what waits and what is parked', async () => {
  await shown(url)
  expect(lines[0]).toMatch(/^channel +group +waiting +parked +oldest +owners/)
  expect(lines.find((line) => line.startsWith('kitchen '))).toMatch(/^kitchen +2 +\d/)
  expect(lines.find((line) => line.startsWith('Ticket '))).toMatch(/^Ticket +history +1 +0/)
  await inspect([url, '--json'])
  expect(JSON.parse(lines.at(-1) as string)).toHaveProperty('waiting')
})

test('parked messages with their reason and their headers', async () => {
  const text = await shown(url, '--channel', 'kitchen', '--parked')
  expect(text).toMatch(/parked: \w+: .*the oven is cold \(1 attempt, waits for a person\)/)
  expect(text).toContain('parked: KEY_PARKED: An earlier message of the key "bibimbap" is parked')
  expect(text).toContain('x-table: 7')
  expect(text).toContain('{"dish":"bibimbap","n":1}')
})

test('waiting messages: long ones are cut, control characters are shown as text, delayed ones are mentioned', async () => {
  const text = await shown(url, '--channel', 'kitchen')
  expect(text).toContain('\\u001b[31mred')
  expect(text).not.toContain('\u001b')
  expect(text).toMatch(/\.{1900,2000} … \(3008 bytes in all; --json shows them\)/)
  expect(text).toContain('(1 more: sent for a later time, or gone meanwhile)')
})

test('a dead letter says why and whence; what is binary is base64, and says so', async () => {
  const text = await shown(url, '--channel', 'kitchen.dead')
  expect(text).toMatch(/put aside: ATTEMPTS_SPENT: .*the oven is cold\n {2}from kitchen, 1 attempt, \d{4}-.* to \d{4}-/)
  expect(text).toContain('base64: AP8=')
  lines = []
  await inspect([url, '--channel', 'kitchen.dead', '--json'])
  expect(JSON.parse(lines[0] as string)).toMatchObject({ type: 'photo', body: 'AP8=', bodyEncoding: 'base64' })
})

test('the only group of a channel need not be named', async () => {
  expect(await shown(url, '--channel', 'Ticket')).toContain('Ticket.Done')
})

test('it looks and makes nothing', async () => {
  const missing = join(folder, 'missing.db')
  expect(await errorOf(inspect([`sqlite:${missing}`]))).toMatchObject({ code: 'STORE_UNUSABLE', message: `there is no file ${missing}` })
  expect(existsSync(missing)).toBe(false)
  const other = join(folder, 'text.txt')
  writeFileSync(other, 'no database, but long enough to be looked at as one'.repeat(100))
  expect(((await errorOf(inspect([`sqlite:${other}`]))) as PabalError).code).toBe('STORE_CORRUPT')
})

test.each([
  [[], 'Give one URL.'],
  [[url, 'more'], 'Give one URL.'],
  [['kafka://x'], 'no transport answers to "kafka:"'],
  [['store.db'], '"store.db" has no scheme'],
  [['memory:'], 'lives in the process that made it'],
  [[url, '--limit', '0'], '--limit is "0", give a whole number from 1'],
  [[url, '--nope'], "Unknown option '--nope'"],
  [[url, '--parked'], '--parked needs --channel'],
  [[url, '--group', 'history'], '--group needs --channel'],
  [[url, '--channel', 'kitchn'], 'There is no channel "kitchn" that anybody reads; there are'],
  [[url, '--channel', 'Ticket', '--group', 'x'], 'Ticket has no group "x"; it has history.'],
  [[url, '--channel', 'kitchen', '--group', 'x'], 'leave --group away'],
])('asked wrongly: %j', async (args, said) => {
  const error: Error & { help?: string } = await errorOf(inspect(args))
  expect(error.message).toContain(said)
  expect(error.help).toContain('pabal inspect URL')
})
