import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { EffectName } from '../../examples/ftgo/lib/effects.ts'
import { checkLedger, type Verdict } from '../../examples/ftgo/lib/ledger.ts'
import { cents, money } from '../../examples/ftgo/lib/money.ts'
import { openDatabase, type Place } from '../../examples/ftgo/lib/place.ts'
import { percentile } from '../../examples/ftgo/lib/report.ts'
import { readWorld, shippedOrders } from '../../examples/ftgo/lib/world.ts'

/** A ledger that cannot convict is worth nothing: each kind of fault is put in once. */
function judge(state: string | undefined, effects: readonly EffectName[], view: string | undefined = state, orderId = 'o-1'): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'ftgo-ledger-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const place: Place = { url: '', folder, ordersFile: '', careless: false }
  writeFileSync(join(folder, 'intents.jsonl'), '{"orderId":"o-1"}\n')
  writeFileSync(join(folder, 'accounting.journal.jsonl'), effects.map((effect) => `${JSON.stringify({ effect, orderId })}\n`).join(''))
  for (const [service, value] of [
    ['order', state],
    ['history', view],
  ] as const) {
    const database = openDatabase(place, service, 'CREATE TABLE orders (id TEXT, state TEXT)')
    if (value !== undefined) database.prepare('INSERT INTO orders VALUES (?, ?)').run('o-1', value)
    database.close()
  }
  return checkLedger(place)
}

const whole: readonly EffectName[] = ['authorized', 'ticket-confirmed', 'cook-reminded', 'courier-booked']

test('an approved order with everything done once is sound', () => {
  expect(judge('approved', whole)).toMatchObject({ orders: 1, finalStates: { approved: 1 }, lost: [], duplicated: [], findings: [] })
})

test('a rejected order is sound with nothing done, and with everything undone', () => {
  expect(judge('rejected', []).findings).toEqual([])
  expect(judge('refused', [], 'rejected')).toMatchObject({ finalStates: { rejected: 1 }, findings: [] })
  expect(judge('rejected', ['authorized', 'reversed', 'ticket-cancelled']).findings).toEqual([])
})

test.each(whole)('an approved order without %s is lost, with two of it done twice', (effect) => {
  expect(
    judge(
      'approved',
      whole.filter((other) => other !== effect),
    ),
  ).toMatchObject({ lost: ['o-1'], duplicated: [] })
  expect(judge('approved', [...whole, effect])).toMatchObject({ lost: [], duplicated: ['o-1'] })
})

test('a rejected order with something that stands is lost', () => {
  expect(judge('rejected', ['authorized']).findings).toEqual(['o-1 (rejected): authorized, and never reversed'])
  expect(judge('rejected', ['ticket-confirmed']).lost).toEqual(['o-1'])
  expect(judge('rejected', ['courier-booked']).lost).toEqual(['o-1'])
  expect(judge('rejected', ['authorized', 'reversed', 'reversed']).duplicated).toEqual(['o-1'])
})

test('an order that never came to its end is lost, and one that Order History does not know', () => {
  expect(judge(undefined, [])).toMatchObject({ finalStates: { missing: 1 }, lost: ['o-1'] })
  expect(judge('pending', ['authorized']).lost).toEqual(['o-1'])
  expect(judge('approved', whole, 'rejected').findings).toEqual(['o-1 (approved): Order History has it as rejected'])
  expect(judge('approved', [...whole, 'reversed']).lost).toEqual(['o-1'])
})

test('something done for nobody counts as done twice', () => {
  expect(judge('rejected', ['authorized'], 'rejected', 'o-2').duplicated).toEqual(['o-2'])
})

test('the shipped orders are 60, priced by the menus but for the one whose price changed', () => {
  const { orders, restaurants } = readWorld(shippedOrders)
  expect(orders).toHaveLength(60)
  const wrong = orders.filter(({ restaurantId, lines, total }) => {
    const menu = restaurants.find(({ id }) => id === restaurantId)?.menu ?? []
    return (
      cents(total) !==
      lines.reduce((sum, { dish, quantity }) => sum + quantity * cents(menu.find(({ name }) => name === dish)?.price ?? '0.00'), 0)
    )
  })
  expect(wrong.map(({ id }) => id)).toEqual(['o-2035', 'o-2057'])
  expect(money(cents('61.70') + 35)).toBe('62.05')
})

test('percentiles are the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7.26], 0.99), percentile([], 0.5)]).toEqual([50, 99, 7.3, 0])
})
