import { describe, expect, test } from 'vitest'
import { PabalError } from '../../src/errors.ts'
import { Bench, message, settle } from './harness.ts'

describe('retries', () => {
  test('each error class has its own policy: attempts, waits, dead-letter at once', async () => {
    const retryFor = (error: unknown) => {
      if (error instanceof TypeError) return 'dead-letter' as const
      if (error instanceof RangeError) return { attempts: 2, delay: 5000 }
      return undefined
    }
    const bench = await Bench.of({ retryFor, retry: { attempts: 3, delay: 10, jitter: 0 } })
    bench.give({ id: 'type' })
    bench.give({ id: 'range' })
    bench.give({ id: 'other' })
    await bench.end('type', 'fail', new TypeError('no'))
    expect(bench.emitted('type')[0]?.message.extensions.deadcode).toBe('HANDLER_FAILED')
    await bench.end('range', 'fail', new RangeError('no'))
    await bench.end('other', 'fail')
    await bench.clock.pass(10)
    await bench.end('other', 'fail')
    await bench.clock.pass(20)
    await bench.end('other', 'fail')
    expect(bench.emitted('other')[0]?.message.extensions).toMatchObject({ deadcode: 'ATTEMPTS_SPENT', deadattempts: '3' })
    expect(bench.begun.filter((id) => id === 'range')).toHaveLength(1)
    await bench.clock.pass(4970)
    await bench.end('range', 'fail', new RangeError('no'))
    expect(bench.emitted('range')[0]?.message.extensions.deadattempts).toBe('2')
    expect(bench.counters).toMatchObject({ failedAttempts: 6, deadLettered: 3, handled: 0 })
  })

  test("an error of ours that is not retryable is not tried again unless retryFor says so; CLOSED is nobody's fault", async () => {
    const bench = await Bench.of({ retryFor: (error) => ((error as PabalError).code === 'NO_REPLY' ? { attempts: 5 } : undefined) })
    bench.give({ id: 'a' })
    bench.give({ id: 'b' })
    bench.give({ id: 'c' })
    await bench.end('a', 'fail', new PabalError('INVALID_PAYLOAD', 'amount: expected a number'))
    expect(bench.emitted('a')[0]?.message.extensions).toMatchObject({
      deadcode: 'INVALID_PAYLOAD',
      deadreason: 'amount: expected a number',
    })
    await bench.end('b', 'fail', new PabalError('NO_REPLY', 'nothing'))
    await bench.end('c', 'fail', new PabalError('CLOSED', 'closed'))
    expect(bench.settled).toEqual(['a:emit'])
    expect(bench.consumer.load.waiting).toBe(2)
  })

  test('waits double up to the longest and lose their random part', async () => {
    const bench = await Bench.of({ retry: { delay: 100, maxDelay: 300, jitter: 0.5 } })
    bench.clock.randomly = 0.5
    bench.give({ id: 'a' })
    for (const wait of [75, 150, 225, 225]) {
      await bench.end('a', 'fail')
      const begun = bench.calls.length
      await bench.clock.pass(wait - 1)
      expect(bench.calls).toHaveLength(begun)
      await bench.clock.pass(1)
      expect(bench.calls).toHaveLength(begun + 1)
    }
  })

  test('attempts are counted once per delivery and told to the handler', async () => {
    const bench = await Bench.of({ retry: { delay: 1, jitter: 0 } })
    bench.give({ id: 'a' })
    for (let i = 1; i <= 4; i++) {
      expect(bench.calls.at(-1)?.context.attempt).toBe(i)
      await bench.end('a', 'fail')
      await bench.clock.pass(100)
    }
    expect(bench.events.filter((event) => event.what === 'failed')).toHaveLength(4)
    expect(bench.events[0]?.error).toMatchObject({ code: 'HANDLER_FAILED', id: 'a' })
  })

  test('what was thrown is told in one line that can travel in a header, and no more than 500 letters of it', async () => {
    const bench = await Bench.of({ retry: { attempts: 1 } })
    bench.give({ id: 'm' })
    await bench.end('m', 'fail', new Error(`first\r\nsecond\u0000 ${'x'.repeat(100_000)}`))
    const { deadreason = '' } = bench.emitted('m')[0]?.message.extensions ?? {}
    expect(deadreason).toMatch(/first second {2}x+$/)
    expect(deadreason.length).toBeLessThan(600)
  })

  test('a retryFor that throws leaves the usual policy in force, and is told of', async () => {
    const retryFor = () => {
      throw new Error('no such class')
    }
    const bench = await Bench.of({ retryFor, retry: { attempts: 2, delay: 10 } })
    bench.give({ id: 'a' })
    await bench.end('a', 'fail')
    expect(bench.settled).toEqual([])
    await bench.clock.pass(10)
    await bench.end('a', 'fail')
    expect(bench.emitted('a')[0]?.message.extensions.deadcode).toBe('ATTEMPTS_SPENT')
    expect(bench.events[1]?.error?.message).toContain('no such class')
  })

  test('the acknowledgement follows the handler and carries what it sent', async () => {
    const bench = await Bench.of()
    const sent = [{ channel: { address: 'Ticket', kind: 'publish-subscribe' as const }, message: message({ id: 't' }), durable: true }]
    bench.give({ id: 'a' })
    await settle()
    expect(bench.settled).toEqual([])
    await bench.end('a', 'done', sent)
    expect(bench.emitted('a')).toBe(sent)
  })

  test('what a handler sent does not leave when it fails', async () => {
    const bench = await Bench.of({ retry: { attempts: 1 } })
    bench.give({ id: 'a' })
    await bench.end('a', 'fail')
    expect(bench.emitted('a').map((each) => each.channel.address)).toEqual(['Order.kitchen.dead'])
  })
})

describe('dead letters', () => {
  test('keep attributes, headers and body to the byte and add reason, attempts, times, channel and group', async () => {
    const body = Buffer.from([0, 255, 10, 13, 128])
    const original = message({
      id: 'dead-1',
      key: 'K',
      correlationId: 'c',
      causationId: 'z',
      replyTo: 'reply.order',
      version: 3,
      headers: { 'X-Tenant': 'a', zürich: 'ü' },
      extensions: { traceparent: '00-1' },
      body,
    })
    const bench = await Bench.of({ retry: { attempts: 2, delay: 500, jitter: 0 } })
    bench.give({ message: original })
    await bench.end('dead-1', 'fail', new Error('first'))
    await bench.clock.pass(500)
    await bench.end('dead-1', 'fail', new Error('card\r\nrefused \ud800'))
    const [dead, ...rest] = bench.emitted('dead-1')
    expect(rest).toEqual([])
    expect(dead).toMatchObject({ channel: { address: 'Order.kitchen.dead', kind: 'point-to-point' }, durable: true })
    const { extensions, ...attributes } = dead?.message ?? message()
    const { extensions: before, ...wanted } = original
    expect(attributes).toEqual(wanted)
    expect(attributes.body).toBe(body)
    expect(Object.keys(attributes.headers)).toEqual(['X-Tenant', 'zürich'])
    expect(extensions).toEqual({
      ...before,
      deadreason: 'Known dead-1 failed after 2 attempts; the last: card refused  ',
      deadcode: 'ATTEMPTS_SPENT',
      deadchannel: 'Order',
      deadgroup: 'kitchen',
      deadattempts: '2',
      deadfirst: new Date(bench.clock.now() - 500).toISOString(),
      deadlast: new Date(bench.clock.now()).toISOString(),
    })
    expect(bench.events.map((event) => event.what)).toEqual(['failed', 'failed', 'dead-lettered'])
  })

  test('a skipped head lets its followers go on, in order', async () => {
    const bench = await Bench.of({ retry: { attempts: 1 }, atEnd: 'skip' })
    for (const id of ['a1', 'a2', 'a3']) bench.give({ id, key: 'A' })
    await bench.end('a1', 'fail')
    await bench.end('a2')
    await bench.end('a3')
    expect(bench.settled).toEqual(['a1:emit', 'a2:emit', 'a3:emit'])
    expect(bench.counters).toMatchObject({ handled: 2, deadLettered: 1 })
  })

  test('the caller is told beside the dead letter, in the same settlement', async () => {
    const answer = { channel: { address: 'reply.order', kind: 'point-to-point' as const }, message: message({ id: 'r' }), durable: true }
    const told: string[] = []
    const onEnd = (about: { id: string }, error: PabalError) => {
      told.push(`${about.id} ${error.code}`)
      return [answer]
    }
    const bench = await Bench.of({ retry: { attempts: 1 }, onEnd })
    bench.give({ id: 'a' })
    await bench.end('a', 'fail')
    expect(bench.emitted('a')).toHaveLength(2)
    expect(bench.emitted('a')[1]).toBe(answer)
    expect(told).toEqual(['a ATTEMPTS_SPENT'])
  })

  test('a listener or caller hook that throws changes nothing', async () => {
    const onEnd = () => {
      throw new Error('broken')
    }
    const bench = await Bench.of({ retry: { attempts: 1 }, onEnd })
    bench.events.push = () => {
      throw new Error('broken')
    }
    bench.give({ id: 'a' })
    await bench.end('a', 'fail')
    expect(bench.emitted('a').map((each) => each.channel.address)).toEqual(['Order.kitchen.dead'])
  })
})

describe('invalid messages', () => {
  const refusing = (error: unknown, later: boolean) => () => ({
    decode: () => {
      if (later) return Promise.reject(error)
      throw error
    },
    handle: async () => {
      throw new Error('must not run')
    },
  })

  test.each([false, true])('go to the invalid-message channel at once, without a retry (schema answers later: %s)', async (later) => {
    const route = refusing(new PabalError('INVALID_MESSAGE', 'orderId: missing'), later)
    const bench = await Bench.of({ route })
    bench.give({ id: 'a', key: 'A' })
    await settle()
    const [copy] = bench.emitted('a')
    expect(copy?.channel.address).toBe('Order.kitchen.invalid')
    expect(copy?.message).toMatchObject({
      id: 'a',
      key: 'A',
      extensions: { deadcode: 'INVALID_MESSAGE', deadreason: 'orderId: missing', deadattempts: '0' },
    })
    expect(bench.counters).toMatchObject({ invalid: 1, failedAttempts: 0, deadLettered: 0 })
  })

  test('a decoder that fails for another reason is a failed attempt', async () => {
    const bench = await Bench.of({ route: refusing(new Error('registry is down'), true) })
    bench.give({ id: 'a' })
    await settle()
    expect(bench.settled).toEqual([])
    expect(bench.counters).toMatchObject({ invalid: 0, failedAttempts: 1 })
  })

  test('INVALID_MESSAGE thrown by a handler, about something else, does not make its own message invalid', async () => {
    const bench = await Bench.of()
    bench.give({ id: 'a' })
    await bench.end('a', 'fail', new PabalError('INVALID_MESSAGE', 'a reply of another service'))
    expect(bench.emitted('a')[0]?.channel.address).toBe('Order.kitchen.dead')
  })
})

describe('rolling deploys', () => {
  test('an event that this version does not know is skipped and counted', async () => {
    const bench = await Bench.of({ unknown: 'skip' })
    bench.give({ id: 'u', key: 'A', type: 'Newer' })
    bench.give({ id: 'a', key: 'A' })
    await settle()
    expect(bench.emitted('u')).toEqual([])
    expect(bench.begun).toEqual(['a'])
    expect(bench.counters).toMatchObject({ unknownSkipped: 1, handled: 0 })
    expect(bench.events.map((event) => event.what)).toEqual(['unknown'])
  })

  test('an unknown command is given back for unknownGrace, then goes to the invalid-message channel', async () => {
    const bench = await Bench.of({ unknown: 'grace', unknownGrace: '2s' })
    let waited = 0
    for (;;) {
      const settlement = await bench.give({ id: 'u', type: 'Newer' })
      if (!('release' in settlement)) break
      const { after = 0 } = settlement.release
      expect(after).toBeGreaterThan(0)
      waited += after
      await bench.clock.pass(after)
    }
    expect(waited).toBe(2000)
    expect(bench.emitted('u')[0]).toMatchObject({
      channel: { address: 'Order.kitchen.invalid' },
      message: { extensions: { deadcode: 'UNKNOWN_MESSAGE' } },
    })
    expect(bench.counters).toMatchObject({ invalid: 1, released: waited / 250 })
    expect(bench.events.map((event) => event.what)).toEqual(['unknown', 'invalid'])
  })

  test('an unknown command that becomes known is handled, and order holds for those behind it', async () => {
    const bench = await Bench.of({ unknown: 'grace' })
    bench.give({ id: 'busy', key: 'A' })
    for (const [id, type] of [
      ['u', 'Newer'],
      ['f1', 'Known'],
      ['f2', 'Known'],
    ] as const)
      bench.give({ id, key: 'A', type })
    await bench.end('busy')
    // The transport has not seen yet that the head is given back, and hands out more of its key.
    bench.give({ id: 'f3', key: 'A' })
    await settle()
    expect(bench.begun).toEqual(['busy'])
    expect(bench.settled).toEqual(['busy:emit', 'u:release', 'f1:release', 'f2:release', 'f3:release'])
    bench.give({ id: 'u', key: 'A' })
    bench.give({ id: 'f1', key: 'A' })
    await settle()
    expect(bench.begun).toEqual(['busy', 'u'])
    await bench.end('u')
    expect(bench.begun).toEqual(['busy', 'u', 'f1'])
  })

  test('however many other keys come meanwhile, what follows one that was given back does not overtake it', async () => {
    const bench = await Bench.of({ unknown: 'grace' })
    bench.give({ id: 'u', key: 'A', type: 'Newer' })
    await settle()
    for (let n = 0; n < 2500; n++) {
      bench.give({ id: `other${n}`, key: `B${n}` })
      bench.calls.at(-1)?.done()
      await Promise.resolve()
    }
    await settle()
    bench.give({ id: 'f', key: 'A' })
    await settle()
    expect(bench.begun).not.toContain('f')
    expect(bench.settled.at(-1)).toBe('f:release')
  })

  test('one that was given back and does not come again holds its key up for a moment only, and not at all for a new owner', async () => {
    const bench = await Bench.of({ unknown: 'grace', unknownGrace: '2s' })
    bench.give({ id: 'u', key: 'A', type: 'Newer' })
    await bench.clock.pass(1249)
    bench.give({ id: 'a', key: 'A' })
    await bench.clock.pass(1)
    bench.give({ id: 'b', key: 'A' })
    await settle()
    expect(bench.settled).toEqual(['u:release', 'a:release'])
    expect(bench.begun).toEqual(['b'])
    bench.give({ id: 'v', key: 'C', type: 'Newer' })
    await settle()
    bench.options.assigned?.('0', new Map())
    bench.give({ id: 'c', key: 'C' })
    await settle()
    expect(bench.begun).toEqual(['b', 'c'])
  })

  test('a parked command that has become unknown stays parked with its attempts', async () => {
    const bench = await Bench.of({ unknown: 'grace' })
    const parked = { attempts: 4, code: 'HANDLER_FAILED', reason: 'boom', firstFailure: 1, lastFailure: 2 }
    bench.give({ id: 'u', key: 'A', type: 'Newer', parked })
    await settle()
    expect(bench.park('u')).toEqual({ ...parked, due: bench.clock.now() + 1000 })
  })
})

describe('a message that kills its process', () => {
  test('reaches the dead letters before its handler runs again', async () => {
    const bench = await Bench.of({ maxLosses: 2 })
    bench.give({ id: 'once', lost: 1 })
    await bench.end('once')
    bench.give({ id: 'twice', lost: 2, key: 'A' })
    bench.give({ id: 'neighbour', key: 'A' })
    await settle()
    expect(bench.begun).toEqual(['once', 'neighbour'])
    expect(bench.emitted('twice')[0]).toMatchObject({
      channel: { address: 'Order.kitchen.dead' },
      message: { extensions: { deadcode: 'PROCESS_KILLED' } },
    })
    expect(bench.counters).toMatchObject({ deadLettered: 1, failedAttempts: 0 })
  })

  test('suspects are attempted one at a time, neighbours beside them', async () => {
    const bench = await Bench.of()
    bench.give({ id: 's1', lost: 1 })
    bench.give({ id: 's2', lost: 1, key: 'A' })
    bench.give({ id: 's3', lost: 2 })
    bench.give({ id: 'n' })
    await settle()
    expect(bench.begun).toEqual(['s1', 'n'])
    await bench.end('s1')
    expect(bench.begun).toEqual(['s1', 'n', 's2'])
    await bench.end('s2')
    expect(bench.begun).toEqual(['s1', 'n', 's2', 's3'])
  })

  test('suspects that were given back while they waited hold nobody up', async () => {
    const bench = await Bench.of()
    const lost = new AbortController()
    bench.give({ id: 's1', lost: 1 })
    bench.give({ id: 's2', lost: 1, shard: '1', signal: lost.signal })
    bench.give({ id: 's3', lost: 1 })
    lost.abort()
    await bench.end('s1')
    expect(bench.begun).toEqual(['s1', 's3'])
  })
})

describe('the transient lane', () => {
  test('one attempt, no dead letter, no parking; the caller is told; no order', async () => {
    const answer = { channel: { address: 'inbox.1', kind: 'inbox' as const }, message: message({ id: 'r' }), durable: false }
    const bench = await Bench.of({ durable: false, onEnd: () => [answer], capabilities: { parks: false }, atEnd: 'park' })
    bench.give({ id: 'a', key: 'A' })
    bench.give({ id: 'b', key: 'A' })
    bench.give({ id: 'lost', key: 'A', lost: 9 })
    bench.give({ id: 'u', type: 'Newer' })
    await settle()
    expect(bench.begun).toEqual(['a', 'b', 'lost'])
    await bench.end('a', 'fail')
    expect(bench.emitted('a')).toEqual([answer])
    expect(bench.emitted('u')).toEqual([answer])
    expect(bench.counters).toMatchObject({ failedAttempts: 1, unknownSkipped: 1, deadLettered: 0, parked: 0 })
  })
})
