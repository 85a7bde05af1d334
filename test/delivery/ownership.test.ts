import { describe, expect, test } from 'vitest'
import { isPabalError } from '../../src/errors.ts'
import { Bench, settle } from './harness.ts'

const retry = { attempts: 10, delay: 1000, jitter: 0 }

describe('a shard that is taken away', () => {
  test('fenced: the signal of what runs is aborted and its result dropped; what has not begun is given back at once', async () => {
    const bench = await Bench.of({ retry })
    const shard = new AbortController()
    const mine = { signal: shard.signal, shard: '7' }
    bench.give({ id: 'a1', key: 'A', ...mine })
    bench.give({ id: 'a2', key: 'A', ...mine })
    bench.give({ id: 'h1', key: 'H', ...mine })
    bench.give({ id: 'h2', key: 'H', ...mine })
    bench.give({ id: 'n1', ...mine })
    bench.give({ id: 'b1', key: 'B' })
    await bench.end('h1', 'fail')
    const { signal } = bench.calls[0]?.context ?? {}
    expect(signal?.aborted).toBe(false)
    shard.abort()
    await settle()
    expect(bench.settled).toEqual(['a2:release', 'h1:release', 'h2:release'])
    expect(isPabalError(signal?.reason, 'FENCED')).toBe(true)
    expect(bench.calls.find((call) => call.id === 'n1')?.context.signal.aborted).toBe(true)
    expect(bench.calls.find((call) => call.id === 'b1')?.context.signal.aborted).toBe(false)
    await bench.end('a1', 'done', [{} as never])
    await bench.end('n1', 'fail')
    expect(bench.settled.slice(3)).toEqual(['a1:release', 'n1:release'])
    expect(bench.counters).toMatchObject({ handled: 0, failedAttempts: 1, parked: 0, deadLettered: 0 })
    bench.give({ id: 'late', ...mine })
    await settle()
    expect(bench.settled.at(-1)).toBe('late:release')
    expect(bench.clock.timers.size).toBe(0)
  })

  test('handed over: what runs finishes, what waits is given back, what failed is parked with its attempts, all in order', async () => {
    const bench = await Bench.of({ retry })
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    bench.give({ id: 'h1', key: 'H' })
    bench.give({ id: 'h2', key: 'H' })
    bench.give({ id: 'n1' })
    bench.give({ id: 'x1', key: 'X', shard: '1' })
    bench.give({ id: 'x2', key: 'X', shard: '1' })
    await bench.end('h1', 'fail')
    await bench.end('n1', 'fail')
    bench.options.revoking?.('0')
    bench.give({ id: 'late', key: 'L' })
    await settle()
    expect(bench.settled).toEqual(['a2:release', 'h1:park', 'h2:park', 'n1:park', 'late:release'])
    expect(bench.park('h1')).toMatchObject({ attempts: 1 })
    await bench.end('a1')
    await bench.end('x1')
    expect(bench.begun.at(-1)).toBe('x2')
    expect(bench.settled.slice(5)).toEqual(['a1:emit', 'x1:emit'])
    bench.options.assigned?.('0', new Map())
    bench.give({ id: 'again', key: 'L' })
    await settle()
    expect(bench.begun.at(-1)).toBe('again')
  })

  test('handed over while a head runs that then fails: parked with its attempt', async () => {
    const bench = await Bench.of({ retry })
    bench.give({ id: 'a1', key: 'A' })
    bench.options.revoking?.('0')
    await bench.end('a1', 'fail')
    expect(bench.park('a1')).toMatchObject({ attempts: 1, due: bench.clock.now() + 1000 })
  })

  test('handed over where nothing can be parked: the failed head and its followers are given back in order', async () => {
    const bench = await Bench.of({ retry, capabilities: { parks: false } })
    for (const id of ['h1', 'h2', 'h3']) bench.give({ id, key: 'H' })
    bench.give({ id: 'r1', key: 'R' })
    await bench.end('h1', 'fail')
    bench.options.revoking?.('0')
    await bench.end('r1', 'fail')
    expect(bench.settled).toEqual(['h1:release', 'h2:release', 'h3:release', 'r1:release'])
  })
})

describe('drain', () => {
  test('stops intake, finishes what runs, gives back or parks the rest, then closes the subscription', async () => {
    const bench = await Bench.of({ retry, concurrency: 2 })
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'h1', key: 'H' })
    await bench.end('h1', 'fail')
    bench.give({ id: 'b1', key: 'B' })
    bench.give({ id: 'waits' })
    bench.give({ id: 'h2', key: 'H' })
    const closed = bench.consumer.close(10_000)
    const again = bench.consumer.close(10_000)
    await settle()
    expect(bench.stopped).toBe(true)
    expect(bench.settled).toEqual(['h1:park', 'h2:park', 'waits:release'])
    bench.give({ id: 'late' })
    await bench.end('a1')
    expect(bench.closed).toBe(0)
    await bench.end('b1', 'fail')
    await Promise.all([closed, again])
    expect(bench.settled.slice(3)).toEqual(['late:release', 'a1:emit', 'b1:park'])
    expect(bench.closed).toBe(1)
    expect(bench.counters.deadLettered).toBe(0)
    expect(bench.clock.timers.size).toBe(0)
  })

  test('at the deadline the signals are aborted and DRAIN_TIMEOUT names what still runs', async () => {
    const bench = await Bench.of()
    bench.give({ id: 'slow-1' })
    const closed = bench.consumer.close(500)
    const seen = closed.catch((error: unknown) => error)
    await bench.clock.pass(499)
    expect(bench.calls[0]?.context.signal.aborted).toBe(false)
    await bench.clock.pass(1)
    expect(await seen).toMatchObject({ code: 'DRAIN_TIMEOUT', message: expect.stringMatching(/500 ms.*Known slow-1/) })
    expect(bench.calls[0]?.context.signal.aborted).toBe(true)
    expect(bench.closed).toBe(1)
  })

  test('the deadline holds for the settlements too', async () => {
    const bench = await Bench.of()
    bench.closing = new Promise(() => {})
    const seen = bench.consumer.close(500).catch((error: unknown) => error)
    await bench.clock.pass(500)
    expect(await seen).toMatchObject({ code: 'DRAIN_TIMEOUT', message: expect.stringContaining('settlements') })
  })
})

describe('fault points', () => {
  test('are passed in order', async () => {
    const bench = await Bench.of({ retry: { attempts: 1 } })
    const passed: string[] = []
    bench.clock.points = (name) => {
      passed.push(name)
      return name === 'handle.before' ? Promise.resolve() : undefined
    }
    // The engine asked for points when it was made.
    bench.give({ id: 'a' })
    await settle()
    await bench.end('a')
    bench.give({ id: 'b' })
    await settle()
    await bench.end('b', 'fail')
    expect(passed).toEqual(['handle.before', 'handle.after', 'settle.after', 'handle.before', 'dead-letter.before'])
  })

  test('one that throws is a crash: nothing is counted, the delivery is rejected and its followers given back', async () => {
    const bench = await Bench.of()
    bench.clock.points = (name) => {
      if (name === 'handle.after') throw new Error('crash')
      return undefined
    }
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    await bench.end('a1')
    expect(bench.settled.sort()).toEqual(['a1:reject', 'a2:release'])
    expect(bench.counters).toMatchObject({ handled: 0, failedAttempts: 0 })
  })
})
