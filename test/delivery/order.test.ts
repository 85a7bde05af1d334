import { describe, expect, test } from 'vitest'
import { Bench, settle } from './harness.ts'

describe('order holds per key', () => {
  test('one at a time for a key, in order of arrival; other keys run beside it', async () => {
    const bench = await Bench.of()
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    bench.give({ id: 'b1', key: 'B' })
    await settle()
    expect(bench.begun).toEqual(['a1', 'b1'])
    await bench.end('a1')
    expect(bench.begun).toEqual(['a1', 'b1', 'a2'])
    await bench.end('a2')
    await bench.end('b1')
    expect(bench.settled).toEqual(['a1:emit', 'a2:emit', 'b1:emit'])
    expect(bench.consumer.load).toEqual({ running: 0, waiting: 0, bytes: 0, heldKeys: 0, parkedKeys: 0 })
  })

  test('deliveries without a key run freely', async () => {
    const bench = await Bench.of()
    for (const id of ['1', '2', '3']) bench.give({ id })
    await settle()
    expect(bench.begun).toEqual(['1', '2', '3'])
  })

  test('a failing head is retried in place with growing waits while its followers wait and other keys go on', async () => {
    const bench = await Bench.of({ retry: { delay: 100, jitter: 0 } })
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    bench.give({ id: 'b1', key: 'B' })
    await bench.end('a1', 'fail')
    await bench.end('b1')
    expect(bench.consumer.load).toMatchObject({ running: 0, waiting: 2, heldKeys: 1 })
    await bench.clock.pass(99)
    expect(bench.begun).toEqual(['a1', 'b1'])
    await bench.clock.pass(1)
    expect(bench.begun).toEqual(['a1', 'b1', 'a1'])
    expect(bench.calls[2]?.context.attempt).toBe(2)
    await bench.end('a1', 'fail')
    await bench.clock.pass(199)
    expect(bench.begun).toHaveLength(3)
    await bench.clock.pass(1)
    await bench.end('a1')
    await bench.end('a2')
    expect(bench.settled).toEqual(['b1:emit', 'a1:emit', 'a2:emit'])
    expect(bench.counters).toMatchObject({ handled: 3, failedAttempts: 2, parked: 0 })
  })

  test('keys take turns when handlers are few, and the rest is first come, first served', async () => {
    const bench = await Bench.of({ concurrency: 1 })
    for (const id of ['a1', 'a2', 'a3']) bench.give({ id, key: 'A' })
    bench.give({ id: 'b1', key: 'B' })
    bench.give({ id: 'n1' })
    for (let i = 0; i < 5; i++) {
      await settle()
      await bench.end(bench.begun.at(-1) as string)
    }
    expect(bench.begun).toEqual(['a1', 'b1', 'n1', 'a2', 'a3'])
  })

  test('concurrency is raised and lowered while it runs', async () => {
    const bench = await Bench.of({ concurrency: 1 })
    for (let i = 1; i <= 6; i++) bench.give({ id: String(i) })
    expect(bench.begun).toEqual(['1'])
    bench.consumer.setConcurrency(3)
    expect(bench.begun).toEqual(['1', '2', '3'])
    bench.consumer.setConcurrency(1)
    await bench.end('1')
    await bench.end('2')
    expect(bench.begun).toEqual(['1', '2', '3'])
    await bench.end('3')
    expect(bench.begun).toEqual(['1', '2', '3', '4'])
    expect(() => bench.consumer.setConcurrency(0)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(bench.consumer.load).toMatchObject({ running: 1, waiting: 2 })
  })

  test('thirty thousand waiting messages whose handlers end at once do not nest', async () => {
    const bench = await Bench.of({ concurrency: 1, unknown: 'skip', maxFollowers: 1_000_000, maxMessages: 1_000_000, maxBytes: 1e12 })
    bench.give({ id: 'first', key: 'A' })
    const all = []
    for (let i = 0; i < 30_000; i++) all.push(bench.give({ type: 'Unknown', ...(i % 2 === 0 ? { key: 'A' } : {}) }))
    await bench.end('first')
    await Promise.all(all)
    expect(bench.counters.unknownSkipped).toBe(30_000)
  })
})
