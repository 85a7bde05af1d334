import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isPabalError } from '../../../src/errors.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { createHub, fromUrl, memory } from '../../../src/transport/memory/index.ts'
import { Bench, done, message, queue, to, topic, wide } from './bench.ts'

const codeOf = (result: unknown): string => (isPabalError(result) ? result.code : String(result))

describe('isolation', () => {
  test('what the sender does to its message afterwards changes nothing', async () => {
    const bench = new Bench()
    const received = await bench.consumer(queue)
    const headers = { a: '1' }
    const sent = message('m', { headers })
    await received.transport.send([{ channel: queue, message: sent, durable: true }])
    headers.a = '2'
    ;(sent as { type: string }).type = 'changed'
    await bench.pass()
    assert.deepEqual({ ...received.at(0).delivery.message.headers }, { a: '1' })
    assert.equal(received.at(0).delivery.message.type, 'T')
  })

  test.each([false, true])(
    'what one receiver does changes nothing for another, or for itself the next time; given away: %s',
    async (given) => {
      const bench = new Bench()
      const a = await bench.consumer(topic, { group: 'a' })
      const b = await bench.consumer(topic, { group: 'b' })
      await a.transport.send([to(topic, 'm', { headers: { x: '1' } }, { given })])
      await bench.pass()
      const spoiled = a.at(0).delivery.message as { type: string; headers: Record<string, string> }
      spoiled.type = 'changed'
      assert.throws(() => {
        spoiled.headers.x = '2'
      })
      a.at(0).settle({ release: {} })
      await bench.pass(1)
      for (const { delivery } of [a.at(1), b.at(0)]) assert.deepEqual([delivery.message.type, delivery.message.headers.x], ['T', '1'])
    },
  )

  test('a reply that leaves with a settlement comes after what was sent to the inbox before it', async () => {
    const bench = new Bench()
    const worker = await bench.consumer(queue)
    const got: string[] = []
    const asker = bench.hub.transport()
    const inbox = await asker.inbox('caller', (delivery) => {
      got.push(delivery.message.id)
      return { emit: [] }
    })
    const reply = (id: string) => to({ address: inbox.address, kind: 'inbox' }, id, {}, { durable: false })
    await worker.transport.send([to(queue, 'm')])
    await bench.pass()
    // Carried out when this code is done: then the other reply waits already.
    worker.at(0).settle({ emit: [reply('second'), reply('third')] })
    void worker.transport.send([reply('first')])
    await bench.pass()
    assert.deepEqual(got, ['first', 'second', 'third'])
  })
})

describe('bounds', () => {
  test('a full hub refuses by count and by bytes, and takes again when something was settled', async () => {
    for (const options of [{ maxMessages: 2 }, { maxBytes: 2 * (160 + 1 + 4) }]) {
      const bench = new Bench(options)
      const received = await bench.consumer(queue, { maxMessages: 1 })
      const results = await received.transport.send([to(queue, '1'), to(queue, '2'), to(queue, '3')])
      assert.deepEqual(results.map(codeOf), ['sent', 'sent', 'OVERLOADED'])
      assert.equal((results[2] as { id?: string }).id, '3')
      await bench.pass()
      received.at(0).settle(done)
      await bench.pass()
      assert.deepEqual(await received.transport.send([to(queue, '4')]), ['sent'])
    }
  })

  test('a message that is too large is refused, and its neighbours are sent', async () => {
    const bench = new Bench({ maxMessageBytes: 1000 })
    const { transport } = await bench.consumer(queue)
    const results = await transport.send([to(queue, '1'), to(queue, '2', { body: new Uint8Array(1001) }), to(queue, '3')])
    assert.deepEqual(results.map(codeOf), ['sent', 'MESSAGE_TOO_LARGE', 'sent'])
  })

  test('what cannot be emitted is not acknowledged: nothing of the settlement happens', async () => {
    const bench = new Bench({ maxMessageBytes: 1000 })
    const received = await bench.consumer(queue)
    await received.transport.send([to(queue, 'm')])
    await bench.pass()
    const other = { address: 'other', kind: 'point-to-point' } as const
    received.at(0).settle({ emit: [to(other, 'small'), to(other, 'large', { body: new Uint8Array(1001) })] })
    await bench.pass(99)
    assert.deepEqual(received.ids, ['m'], 'not in a hot loop')
    await bench.pass(1)
    assert.deepEqual(received.ids, ['m', 'm'])
    assert.deepEqual(await received.transport.admin?.browse({ channel: other }, { limit: 10 }), [])
  })

  test('emissions may fill a full hub, so that its consumers can empty it', async () => {
    const bench = new Bench({ maxMessages: 2 })
    const received = await bench.consumer(queue)
    await received.transport.send([to(queue, '1'), to(queue, '2')])
    await bench.pass()
    const other = { address: 'other', kind: 'point-to-point' } as const
    received.at(0).settle({ emit: [to(other, 'a'), to(other, 'b')] })
    await bench.pass()
    assert.equal(bench.hub.stored.messages, 3)
    received.at(1).settle({ emit: [to(other, 'c'), to(other, 'd'), to(other, 'e')] })
    await bench.pass()
    assert.equal(bench.hub.stored.messages, 3, 'beyond twice the bound nothing is taken')
  })

  test('what an ephemeral subscriber leaves behind takes no room', async () => {
    const bench = new Bench()
    const received = await bench.consumer(topic, { group: undefined, maxMessages: 1 })
    await received.transport.send(['1', '2', '3'].map((id) => to(topic, id)))
    await bench.pass()
    assert.deepEqual([received.ids, bench.hub.stored.messages], [['1'], 3])
    const closing = received.close()
    await bench.pass()
    await closing
    assert.deepEqual(bench.hub.stored, { messages: 0, bytes: 0 })
  })

  test('transient messages that nobody took in time make room', async () => {
    const bench = new Bench({ maxMessages: 3 })
    const slow = await bench.consumer(queue, { durable: false, maxMessages: 1 })
    const query = (id: string) => to(queue, id, {}, { durable: false, ttl: 100 })
    assert.deepEqual((await slow.transport.send(['1', '2', '3', '4'].map(query))).map(codeOf), ['sent', 'sent', 'sent', 'OVERLOADED'])
    await bench.pass(101)
    assert.deepEqual(await slow.transport.send([query('5')]), ['sent'])
    slow.at(0).settle(done)
    await bench.pass()
    assert.deepEqual(slow.ids, ['1', '5'], 'an expired message is not handed out')
  })
})

describe('death', () => {
  test('a crashed member settles and sends nothing more, and its shards are taken over when that is noticed', async () => {
    const bench = new Bench()
    const [a, b] = [await bench.consumer(queue), await bench.consumer(queue)]
    await bench.pass()
    const [owner, other] = a.told.at(-1) === 'assigned 0' ? [a, b] : [b, a]
    await owner.transport.send([to(queue, 'm')])
    await bench.pass()
    assert.deepEqual(owner.ids, ['m'])
    bench.hub.crash(owner.transport)
    owner.at(0).settle(done)
    let resolved = false
    void Promise.resolve(owner.transport.send([to(queue, 'late')])).then(() => {
      resolved = true
    })
    await bench.pass(49)
    assert.deepEqual(other.ids, [])
    await bench.pass(1)
    assert.deepEqual(other.ids, ['m'])
    assert.equal(other.at(0).delivery.lost, 1)
    assert.ok(other.at(0).delivery.fence > owner.at(0).delivery.fence)
    assert.equal(owner.at(0).delivery.signal.aborted, true)
    await bench.pass(10_000)
    assert.equal(resolved, false, 'a dead process learns nothing')
    assert.deepEqual(other.ids, ['m'])
  })

  test('its inbox is gone at once', async () => {
    const bench = new Bench()
    const [asker, responder] = [bench.hub.transport(), bench.hub.transport()]
    const inbox = await asker.inbox('caller', async () => done)
    assert.match(inbox.address, /^inbox\.caller\./)
    const reply = to({ address: inbox.address, kind: 'inbox' }, 'r', {}, { durable: false })
    assert.deepEqual(await responder.send([reply]), ['sent'])
    bench.hub.crash(asker)
    assert.deepEqual(await responder.send([reply]), ['no-receiver'])
  })

  test('a member that thaws in time goes on where it was', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    await member.transport.send([to(queue, '1'), to(queue, '2')])
    await bench.pass()
    bench.hub.freeze(member.transport)
    member.at(0).settle(done)
    await bench.pass(499)
    assert.equal(bench.hub.stored.messages, 2, 'a frozen process settles nothing')
    bench.hub.thaw(member.transport)
    await bench.pass()
    assert.equal(bench.hub.stored.messages, 1)
    assert.equal(member.at(1).delivery.signal.aborted, false)
    assert.deepEqual(member.told, ['assigned 0'])
  })

  test('a member that thaws too late is told, settles nothing, and joins again', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    await member.transport.send([to(queue, 'm')])
    await bench.pass()
    bench.hub.freeze(member.transport)
    member.at(0).settle({ emit: [to({ address: 'other', kind: 'point-to-point' }, 'effect')] })
    await bench.pass(501)
    bench.hub.thaw(member.transport)
    await bench.pass()
    assert.equal(member.at(0).delivery.signal.aborted, true)
    assert.deepEqual(member.told, ['assigned 0', 'assigned 0'])
    assert.deepEqual(member.ids, ['m', 'm'])
    assert.deepEqual([member.at(1).delivery.lost, member.at(1).delivery.fence], [1, member.at(0).delivery.fence + 1])
    assert.equal(bench.hub.stored.messages, 1, 'the late settlement emitted nothing')
  })
})

describe('order', () => {
  test('nothing of a key is handed out behind a message whose release is still being written', async () => {
    const bench = new Bench()
    const { runtime } = bench
    const slow: Runtime = {
      now: () => runtime.now(),
      monotonic: () => runtime.monotonic(),
      timer: (ms, run) => runtime.timer(ms, run),
      random: () => runtime.random(),
      id: () => runtime.id(),
      // every settlement takes 20 ms to be written
      point: (name) => (name === 'transport.settle.before' ? new Promise((resolve) => runtime.timer(20, resolve)) : undefined),
    }
    const member = await bench.consumer(queue, {}, bench.hub.transport('slow', slow))
    await member.transport.send([to(queue, '1', { key: 'k' })])
    await bench.pass()
    member.at(0).settle({ release: { after: 30 } })
    await member.transport.send([to(queue, '2', { key: 'k' }), to(queue, '3', { key: 'other' })])
    await bench.pass(49)
    assert.deepEqual(member.ids, ['1', '3'])
    await bench.pass(1)
    assert.deepEqual(member.ids, ['1', '3', '1', '2'])
  })

  test('what a person orders waits for the time in the note, and comes at once without one', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    const place = { channel: queue, parked: true }
    const note = { attempts: 1, code: 'HANDLER_FAILED', reason: 'test' }
    await member.transport.send([to(queue, '1', { key: 'k' }), to(queue, '2', { key: 'j' })])
    await bench.pass()
    member.at(0).settle({ park: note })
    member.at(1).settle({ park: note })
    await bench.pass(1000)
    assert.deepEqual(member.ids, ['1', '2'])
    const [first, second] = (await member.transport.admin?.browse(place, { limit: 10 })) ?? []
    await member.transport.admin?.amend(place, first?.position ?? '', { ...note, order: 'redrive', due: bench.runtime.now() + 100 })
    await member.transport.admin?.amend(
      place,
      second?.position ?? '',
      { ...note, order: 'skip' },
      message('2', { key: 'j', type: 'edited' }),
    )
    await bench.pass(99)
    assert.deepEqual(member.ids, ['1', '2', '2'])
    assert.deepEqual([member.at(2).delivery.parked?.order, member.at(2).delivery.message.type], ['skip', 'edited'])
    await bench.pass(1)
    assert.deepEqual(member.ids, ['1', '2', '2', '1'])
  })

  test('an order that comes while the message is out is not forgotten when it is parked again', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    const place = { channel: queue, parked: true }
    const note = { due: 0, attempts: 1, code: 'HANDLER_FAILED', reason: 'test' }
    await member.transport.send([to(queue, '1', { key: 'k' })])
    await bench.pass()
    member.at(0).settle({ park: note })
    await bench.pass()
    const [stored] = (await member.transport.admin?.browse(place, { limit: 1 })) ?? []
    assert.equal(await member.transport.admin?.discard(place, stored?.position ?? ''), false, 'it is out')
    assert.equal(await member.transport.admin?.amend(place, stored?.position ?? '', { ...note, order: 'skip' }), true)
    member.at(1).settle({ park: note })
    await bench.pass()
    assert.equal(member.at(2).delivery.parked?.order, 'skip')
  })

  test('after a parked message was taken away its owner is told anew what is parked', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    const place = { channel: queue, parked: true }
    await member.transport.send([to(queue, '1', { key: 'k' }), to(queue, '2', { key: 'k' })])
    await bench.pass()
    for (const { settle } of member.out) settle({ park: { attempts: 0, code: 'HANDLER_FAILED', reason: 'test' } })
    await bench.pass()
    const [stored] = (await member.transport.admin?.browse(place, { limit: 1 })) ?? []
    assert.equal(await member.transport.admin?.discard(place, stored?.position ?? ''), true)
    assert.equal(await member.transport.admin?.discard(place, stored?.position ?? ''), false)
    await bench.pass()
    assert.deepEqual(member.told, ['assigned 0', 'revoking 0', 'assigned 0 k:1'])
  })

  test('a delayed message is seen and can be taken away before it is due', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    await member.transport.send([1, 2].map((n) => to(queue, `d${n}`, {}, { notBefore: bench.runtime.now() + 100 })))
    const [stored] = (await member.transport.admin?.browse({ channel: queue }, { limit: 1 })) ?? []
    assert.equal(stored?.notBefore, bench.runtime.now() + 100)
    assert.equal((await member.transport.admin?.depths())?.[0]?.waiting, 2)
    assert.equal(await member.transport.admin?.discard({ channel: queue }, stored?.position ?? ''), true)
    await bench.pass(99)
    assert.deepEqual(member.ids, [])
    await bench.pass(1)
    assert.deepEqual(member.ids, ['d2'])
    assert.equal(bench.hub.stored.messages, 1)
  })
})

describe('life', () => {
  test('a closed transport says so for each message, and lets go of everything', async () => {
    const bench = new Bench()
    const member = await bench.consumer(queue)
    const closing = [member.transport.close(), member.transport.close()]
    await bench.pass(10)
    await Promise.all(closing)
    assert.deepEqual((await member.transport.send([to(queue, '1'), to(queue, '2')])).map(codeOf), ['CLOSED', 'CLOSED'])
    await assert.rejects(
      member.transport.subscribe(queue, wide, async () => done),
      { code: 'CLOSED' },
    )
    assert.equal(await bench.runtime.run(), false)
  })

  test('a channel has one kind', async () => {
    const bench = new Bench()
    const { transport } = await bench.consumer(queue)
    const [result] = await transport.send([to({ ...queue, kind: 'publish-subscribe' }, '1')])
    assert.equal(codeOf(result), 'INVALID_CONFIGURATION')
    await assert.rejects(transport.provision([{ ...queue, kind: 'publish-subscribe' }], 'create'), { code: 'INVALID_CONFIGURATION' })
  })

  test('options and URLs are checked', () => {
    assert.throws(() => memory({ shard: 4 } as never), { code: 'UNKNOWN_OPTION' })
    assert.throws(() => createHub({ runtime: systemRuntime, shards: 0 }), { code: 'INVALID_OPTION' })
    assert.throws(() => createHub({ runtime: systemRuntime, takeover: { killed: -1 } }), { code: 'INVALID_OPTION' })
    assert.equal(fromUrl('memory:', systemRuntime).name, 'memory')
    assert.equal(fromUrl('memory:?shards=4&maxMessages=10', systemRuntime).name, 'memory')
    assert.throws(() => fromUrl('memory:?shard=4', systemRuntime), { code: 'UNKNOWN_OPTION' })
    assert.throws(() => fromUrl('memory:?shards=four', systemRuntime), { code: 'INVALID_OPTION' })
    assert.throws(() => fromUrl('memory:./file', systemRuntime), { code: 'INVALID_OPTION' })
  })

  test('under load timers and sockets still get their turn', async () => {
    const transport = memory()
    await transport.open(() => {})
    // what is handled sends the next: without a turn of the event loop this would go on for ever
    await transport.subscribe(queue, wide, async () => ({ emit: [to(queue, 'again')] }))
    let ticks = 0
    const ticking = setInterval(() => ticks++, 1)
    await transport.send([to(queue, 'first')])
    // and so would a sender that awaits each send
    const sender = (async () => {
      while (ticks < 5) await transport.send([to(topic, 'nobody')])
    })()
    await sender
    clearInterval(ticking)
    await transport.close()
    assert.ok(ticks >= 5)
  })
})
