import { describe, expect, test } from 'vitest'
import { PabalError } from '../../src/errors.ts'
import { Bench, settle } from './harness.ts'

const slowRetry = { attempts: 10, delay: 1000, maxDelay: 20_000, jitter: 0 }

describe('a key is parked', () => {
  test('after holdFor: the head with its attempts, the followers behind it, and other keys go on', async () => {
    const bench = await Bench.of({ retry: slowRetry, holdFor: 2500 })
    for (const id of ['a1', 'a2', 'a3']) bench.give({ id, key: 'A' })
    bench.give({ id: 'b1', key: 'B' })
    const first = bench.clock.now()
    await bench.end('a1', 'fail')
    await bench.clock.pass(1000)
    expect(bench.settled).toEqual([])
    // The next wait of 2 s would end after the 2.5 s: no use in waiting here.
    await bench.end('a1', 'fail', new Error('still down'))
    expect(bench.settled).toEqual(['a1:park', 'a2:park', 'a3:park'])
    const last = bench.clock.now()
    expect(bench.park('a1')).toEqual({
      due: last + 2000,
      attempts: 2,
      code: 'HANDLER_FAILED',
      reason: 'The handler of Known a1 failed at attempt 2: still down',
      firstFailure: first,
      lastFailure: last,
    })
    expect(bench.park('a2')).toMatchObject({ attempts: 0, due: last, code: 'KEY_PARKED' })
    await bench.end('b1')
    expect(bench.consumer.load).toMatchObject({ running: 0, waiting: 0, parkedKeys: 1, heldKeys: 0 })
    expect(bench.counters.parked).toBe(3)
    expect(bench.events.filter((event) => event.what === 'parked').map((event) => event.message.id)).toEqual(['a1'])
  })

  test('when more than maxFollowers wait behind a failing head', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxFollowers: 2 })
    for (const id of ['a1', 'a2', 'a3']) bench.give({ id, key: 'A' })
    await bench.end('a1', 'fail')
    expect(bench.settled).toEqual([])
    bench.give({ id: 'a4', key: 'A' })
    await settle()
    expect(bench.settled).toEqual(['a1:park', 'a2:park', 'a3:park', 'a4:park'])
    expect(bench.park('a1')).toMatchObject({ attempts: 1, due: bench.clock.now() + 1000 })
  })

  test('when what waits would fill the in-flight bound in messages', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxMessages: 6 })
    for (const key of ['A', 'B', 'C', 'D']) bench.give({ id: key, key })
    for (const key of ['A', 'B', 'C']) await bench.end(key, 'fail')
    expect(bench.settled).toEqual([])
    await bench.end('D', 'fail')
    expect(bench.settled).toEqual(['D:park'])
    bench.give({ id: 'C2', key: 'C' })
    await settle()
    expect(bench.settled).toEqual(['D:park', 'C:park', 'C2:park'])
  })

  test('when what waits would fill the in-flight bound in bytes', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxBytes: 1000 })
    bench.give({ id: 'a1', key: 'A' })
    await bench.end('a1', 'fail')
    bench.give({ id: 'a2', key: 'A' })
    await settle()
    expect(bench.settled).toEqual([])
    bench.give({ id: 'a3', key: 'A' })
    await settle()
    expect(bench.settled).toEqual(['a1:park', 'a2:park', 'a3:park'])
    expect(bench.consumer.load.bytes).toBe(0)
  })

  test('one without a key too, alone', async () => {
    const bench = await Bench.of({ retry: slowRetry, holdFor: 0 })
    bench.give({ id: 'n1' })
    bench.give({ id: 'n2' })
    await bench.end('n1', 'fail')
    expect(bench.park('n1')).toMatchObject({ attempts: 1 })
    bench.give({ id: 'n3' })
    await settle()
    expect(bench.begun).toEqual(['n1', 'n2', 'n3'])
    expect(bench.consumer.load.parkedKeys).toBe(0)
  })
})

describe('while a key is parked', () => {
  test('whatever else of it comes from the queue is parked behind, until the last parked one is settled', async () => {
    const bench = await Bench.of({ retry: slowRetry, holdFor: 0 })
    bench.give({ id: 'a1', key: 'A' })
    await bench.end('a1', 'fail')
    bench.give({ id: 'a2', key: 'A' })
    await settle()
    expect(bench.park('a2')).toMatchObject({ attempts: 0, due: bench.clock.now() })
    bench.give({ id: 'a1', key: 'A', parked: bench.park('a1') })
    await settle()
    expect(bench.calls.at(-1)?.context.attempt).toBe(2)
    await bench.end('a1')
    bench.give({ id: 'a3', key: 'A' })
    await settle()
    expect(bench.settled.at(-1)).toBe('a3:park')
    for (const id of ['a2', 'a3']) {
      bench.give({ id, key: 'A', parked: bench.park(id) })
      await bench.end(id)
    }
    bench.give({ id: 'a4', key: 'A' })
    await bench.end('a4')
    expect(bench.begun).toEqual(['a1', 'a1', 'a2', 'a3', 'a4'])
    expect(bench.consumer.load.parkedKeys).toBe(0)
  })

  test('a new owner is told what is parked and parks behind it', async () => {
    const bench = await Bench.of()
    bench.options.assigned?.('0', new Map([['A', 2]]))
    bench.give({ id: 'a3', key: 'A' })
    bench.give({ id: 'b1', key: 'B' })
    await settle()
    expect(bench.settled).toEqual(['a3:park'])
    expect(bench.begun).toEqual(['b1'])
    expect(bench.consumer.load.parkedKeys).toBe(1)
    // Another owner handled all of it meanwhile.
    bench.options.assigned?.('0', new Map())
    bench.give({ id: 'a4', key: 'A' })
    await settle()
    expect(bench.begun).toEqual(['b1', 'a4'])
  })

  test('a parked one that fails again is parked again at once, its attempts carried on', async () => {
    const bench = await Bench.of({ retry: slowRetry })
    const parked = { attempts: 3, code: 'HANDLER_FAILED', reason: 'boom', firstFailure: 11, lastFailure: 12, due: 13 }
    bench.options.assigned?.('0', new Map([['A', 1]]))
    bench.give({ id: 'a1', key: 'A', parked })
    await bench.end('a1', 'fail')
    const now = bench.clock.now()
    expect(bench.park('a1')).toMatchObject({ attempts: 4, due: now + 8000, firstFailure: 11, lastFailure: now })
    expect(bench.consumer.load.parkedKeys).toBe(1)
    // It was parked once, by the owner before.
    expect(bench.counters.parked).toBe(0)
  })

  test('an order of sending before the parked ones goes first (it was lost while it ran)', async () => {
    const bench = await Bench.of({ retry: slowRetry, holdFor: 0 })
    bench.options.assigned?.('0', new Map([['A', 2]]))
    bench.give({ id: 'a0', key: 'A', ahead: true, lost: 1 })
    bench.give({ id: 'a9', key: 'A' })
    await settle()
    expect(bench.begun).toEqual(['a0'])
    expect(bench.settled).toEqual(['a9:park'])
    // It is in nobody's way: retried here although holdFor is over.
    await bench.end('a0', 'fail')
    await bench.clock.pass(1000)
    await bench.end('a0')
    expect(bench.settled).toEqual(['a9:park', 'a0:emit'])
    expect(bench.consumer.load.parkedKeys).toBe(1)
  })
})

describe('a slow head', () => {
  test('that keeps running while its followers crowd the consumer: they are parked, and wait for it', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxFollowers: 1 })
    for (const id of ['a1', 'a2', 'a3']) bench.give({ id, key: 'A' })
    await bench.clock.pass(999)
    expect(bench.settled).toEqual([])
    await bench.clock.pass(1)
    expect(bench.settled).toEqual(['a2:park', 'a3:park'])
    // The first of them is handed out while the head still runs.
    bench.give({ id: 'a2', key: 'A', parked: bench.park('a2') })
    await settle()
    expect(bench.begun).toEqual(['a1'])
    await bench.end('a1')
    expect(bench.begun).toEqual(['a1', 'a2'])
    await bench.end('a2')
    bench.give({ id: 'a3', key: 'A', parked: bench.park('a3') })
    await bench.end('a3')
    expect(bench.settled).toEqual(['a2:park', 'a3:park', 'a1:emit', 'a2:emit', 'a3:emit'])
    expect(bench.consumer.load.parkedKeys).toBe(0)
  })

  test('is given its time whenever its key became crowded, another one or not', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxFollowers: 0 })
    for (const id of ['a1', 'a2']) bench.give({ id, key: 'A' })
    await bench.clock.pass(900)
    for (const id of ['b1', 'b2']) bench.give({ id, key: 'B' })
    await bench.clock.pass(600)
    expect(bench.settled).toEqual(['a2:park'])
    await bench.clock.pass(400)
    expect(bench.settled).toEqual(['a2:park', 'b2:park'])
  })

  test('a parked one that waits for it and is parked once more keeps its own note, and what a person asked for', async () => {
    const bench = await Bench.of({ retry: slowRetry, maxFollowers: 0 })
    bench.give({ id: 'a1', key: 'A' })
    const parked = { attempts: 3, code: 'HANDLER_FAILED', reason: 'boom', firstFailure: 1, lastFailure: 2, order: 'redrive' as const }
    bench.give({ id: 'a2', key: 'A', parked })
    await bench.clock.pass(1000)
    expect(bench.settled).toEqual(['a2:park'])
    expect(bench.park('a2')).toEqual({ ...parked, due: bench.clock.now() })
    expect(bench.consumer.load.parkedKeys).toBe(1)
  })

  test('a busy key whose messages are handled quickly is left alone', async () => {
    const bench = await Bench.of({ maxFollowers: 2 })
    for (let i = 0; i < 40; i++) bench.give({ id: `a${i}`, key: 'A' })
    for (let i = 0; i < 40; i++) {
      await bench.clock.pass(300)
      await bench.end(`a${i}`)
    }
    expect(bench.counters).toMatchObject({ handled: 40, parked: 0 })
  })
})

describe('when the attempts are spent', () => {
  test("atEnd 'park': the key waits for a person; redriven, its attempts begin anew and its followers come after it", async () => {
    const bench = await Bench.of({ atEnd: 'park', retry: { attempts: 2, delay: 10, jitter: 0 } })
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    await bench.end('a1', 'fail')
    await bench.clock.pass(10)
    await bench.end('a1', 'fail')
    expect(bench.settled).toEqual(['a1:park', 'a2:park'])
    expect(bench.park('a1')).toMatchObject({ due: undefined, attempts: 2, code: 'ATTEMPTS_SPENT' })
    bench.give({ id: 'a1', key: 'A', parked: { ...bench.park('a1'), due: bench.clock.now(), order: 'redrive' } })
    await settle()
    expect(bench.calls.at(-1)?.context.attempt).toBe(1)
    await bench.end('a1', 'fail')
    expect(bench.park('a1')).toMatchObject({ attempts: 1, due: bench.clock.now() + 10 })
    expect(bench.park('a1').order).toBeUndefined()
    expect(bench.counters.deadLettered).toBe(0)
  })

  test("atEnd 'park': what is not worth another attempt waits for a person too; 'dead-letter' by name does not", async () => {
    const retryFor = (error: unknown) => (error instanceof TypeError ? ('dead-letter' as const) : undefined)
    const bench = await Bench.of({ atEnd: 'park', retryFor })
    bench.give({ id: 'a', key: 'A' })
    bench.give({ id: 'b', key: 'B' })
    bench.give({ id: 'n' })
    await bench.end('a', 'fail', new PabalError('REMOTE_ERROR', 'no'))
    await bench.end('b', 'fail', new TypeError('no'))
    await bench.end('n', 'fail', new PabalError('REMOTE_ERROR', 'no'))
    expect(bench.park('a')).toMatchObject({ due: undefined, code: 'REMOTE_ERROR' })
    expect(bench.emitted('b')[0]?.channel.address).toBe('Order.kitchen.dead')
    expect(bench.emitted('n')[0]?.channel.address).toBe('Order.kitchen.dead')
  })

  test('a skipped head goes to the dead letters with its facts, and the key goes on', async () => {
    const bench = await Bench.of()
    bench.options.assigned?.('0', new Map([['A', 1]]))
    const parked = { attempts: 7, code: 'ATTEMPTS_SPENT', reason: 'boom', firstFailure: 1000, lastFailure: 2000, order: 'skip' as const }
    bench.give({ id: 'a1', key: 'A', parked })
    bench.give({ id: 'a2', key: 'A' })
    await settle()
    expect(bench.emitted('a1')[0]?.message.extensions).toMatchObject({
      deadcode: 'ATTEMPTS_SPENT',
      deadreason: 'boom',
      deadattempts: '7',
      deadfirst: '1970-01-01T00:00:01.000Z',
      deadlast: '1970-01-01T00:00:02.000Z',
    })
    expect(bench.begun).toEqual(['a2'])
    expect(bench.consumer.load.parkedKeys).toBe(0)
  })

  test('a discarded one is taken away and said so', async () => {
    const bench = await Bench.of()
    bench.options.assigned?.('0', new Map([['A', 1]]))
    bench.give({ id: 'a1', key: 'A', parked: { attempts: 1, code: 'X', reason: 'y', order: 'discard' } })
    await settle()
    expect(bench.emitted('a1')).toEqual([])
    expect(bench.events.map((event) => event.what)).toEqual(['discarded'])
    expect(bench.consumer.load.parkedKeys).toBe(0)
  })

  test('where the transport does not park: held in place until the dead letters, and atEnd park is refused', async () => {
    const bench = await Bench.of({
      capabilities: { parks: false },
      retry: { attempts: 3, delay: 1000, jitter: 0 },
      holdFor: 0,
      maxFollowers: 0,
    })
    bench.give({ id: 'a1', key: 'A' })
    bench.give({ id: 'a2', key: 'A' })
    for (let i = 0; i < 3; i++) {
      await bench.end('a1', 'fail')
      await bench.clock.pass(5000)
    }
    await bench.end('a2')
    expect(bench.settled).toEqual(['a1:emit', 'a2:emit'])
    expect(bench.counters).toMatchObject({ deadLettered: 1, parked: 0 })
    const refused = Bench.of({ capabilities: { parks: false }, atEnd: 'park' })
    await expect(refused).rejects.toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(/atEnd: 'park'.*bench.*parks/) })
  })
})
