import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { styles } from '../../examples/ftgo/lib/styles.ts'
import { demo, lastObject } from './run-demo.ts'

describe('six processes', () => {
  test('a run without faults brings every order to its end, and says so', async () => {
    const run = await demo(['--count', '24', '--rate', '20', '--seed', '5', '--json'])
    const result = lastObject(run)
    expect(result).toMatchObject({ orders: 24, finalStates: { approved: 19, rejected: 5 }, lost: 0, duplicated: 0, kills: 0, seed: 5 })
    expect(styles.filter((style) => !((result.messages[style] ?? 0) > 0))).toEqual([])
    expect(result.latencyMs.p50).toBeGreaterThan(0)
    expect(result.latencyMs.p99).toBeGreaterThanOrEqual(result.latencyMs.p50)
    expect(run.code).toBe(0)
    expect(run.out.trim().split('\n')).toHaveLength(1)
    expect(run.left).toEqual([])
  })

  test('for people it prints tables', async () => {
    const run = await demo(['--count', '3', '--rate', '50'])
    expect(run.out).toMatch(/approved\s*│\s*3/)
    for (const style of styles) expect(run.out).toContain(style)
    expect(run.out).toContain('nothing was done twice')
    expect(run.code).toBe(0)
  })

  test('under chaos nothing is lost and nothing is done twice', async () => {
    const run = await demo(['--count', '40', '--rate', '20', '--chaos', '--seed', '11', '--json'])
    const result = lastObject(run)
    expect(result, run.err).toMatchObject({ orders: 40, finalStates: { approved: 32, rejected: 8 }, lost: 0, duplicated: 0, seed: 11 })
    expect(result.kills).toBeGreaterThan(0)
    expect(run.code).toBe(0)
  })

  test('with idempotency broken, chaos does things twice, and the exit code is 1', async () => {
    const run = await demo(['--count', '80', '--rate', '40', '--chaos', '--seed', '3', '--break', 'idempotency', '--json'])
    const result = lastObject(run)
    expect(result.duplicated, run.err).toBeGreaterThan(0)
    expect(result.lost).toBe(0)
    expect(run.code).toBe(1)
  })

  test('Ctrl-C places no more orders and lets the others come to their end', async () => {
    let interrupted = false
    const run = await demo(['--count', '1000', '--rate', '10', '--json'], (text, interrupt) => {
      if (interrupted || !/[1-9]\d* approved/.test(text)) return
      interrupted = true
      interrupt()
    })
    const result = lastObject(run)
    expect(run.err).toContain('Draining')
    expect(result.orders).toBeLessThan(200)
    expect(result).toMatchObject({ lost: 0, duplicated: 0 })
    expect(run.code).toBe(0)
  })
})

describe('bad usage ends with code 2 and says why', () => {
  const file = (text: string): string => {
    const folder = mkdtempSync(join(tmpdir(), 'orders-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'orders.json')
    writeFileSync(path, text)
    return path
  }
  const wrong: Record<string, readonly [() => readonly string[], RegExp]> = {
    'no such file': [() => ['--orders', '/missing.json'], /cannot be read: ENOENT/],
    'no JSON': [() => ['--orders', file('{')], /cannot be read: .*JSON/],
    'no orders': [() => ['--orders', file('[]')], /orders: .*>=1/],
    'money that is no money': [
      () => [
        '--orders',
        file(
          '[{"id":"o","consumerId":"c-101","restaurantId":"mapo","lines":[{"dish":"Barley Tea","quantity":1}],"total":"2.5","deliverTo":{"street":"1","city":"2","postcode":"3"}}]',
        ),
      ],
      /orders\.0\.total: money is text such as "61\.70"/,
    ],
    'two orders with one id': [
      () => {
        const order = {
          id: 'o',
          consumerId: 'c',
          restaurantId: 'r',
          lines: [{ dish: 'd', quantity: 1 }],
          total: '2.50',
          deliverTo: { street: '1', city: '2', postcode: '3' },
        }
        return ['--orders', file(JSON.stringify([order, order]))]
      },
      /two orders with the id o/,
    ],
    'an unknown option': [() => ['--cuont', '3'], /--cuont/],
    'a count that is no number': [() => ['--count', 'many'], /--count many: give a whole number from 1/],
    'something else to break': [() => ['--break', 'glass'], /only idempotency can be broken/],
    'an unknown transport': [() => ['--transport', 'carrier-pigeon://loft'], /carrier-pigeon.*sqlite:/],
    'memory across processes': [() => ['--transport', 'memory:'], /lives in one process/],
  }
  test.each(Object.entries(wrong))('%s', async (_what, [args, says]) => {
    const run = await demo(args())
    expect(run.err).toMatch(says)
    expect(run.err).not.toMatch(/\n {4}at /)
    expect(run.code).toBe(2)
    expect(run.left).toEqual([])
  })

  test('--help says what there is and ends with code 0', async () => {
    const run = await demo(['--help'])
    for (const option of ['--orders', '--count', '--rate', '--chaos', '--seed', '--break', '--transport', '--json'])
      expect(run.out).toContain(option)
    expect(run.code).toBe(0)
  })
})
