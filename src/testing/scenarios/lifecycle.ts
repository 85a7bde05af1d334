import assert from 'node:assert/strict'
import { isPabalError } from '../../errors.ts'
import { Collector, done, Held, release } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { collectAll } from './delivery.ts'

/** Opening and closing, at any moment. */
export const lifecycleScenarios: readonly Definition[] = [
  {
    id: '7',
    title: '5,000 messages read in five lives of the consumer',
    proves: 'Closing, twice, loses nothing and doubles nothing: five consumers one after the other read everything together.',
    play: async (stage) => {
      const queue = await stage.queue()
      const batch = stage.batch(queue, 5000, (n) => ({ key: n % 2 === 0 ? `k${n % 50}` : undefined }))
      for (let at = 0; at < batch.length; at += 500) await stage.send(batch.slice(at, at + 500))
      const collector = new Collector()
      for (let life = 1; life <= 5; life++) {
        const member = await stage.member()
        const slow = async () => {
          await stage.pause(1)
          return done()
        }
        const subscription = await stage.subscribe(member, queue, collector.receive(`${life}`, slow))
        await collectAll(stage, collector, life === 5 ? 5000 : life * 900)
        subscription.stop()
        await stage.until(() => collector.out === 0, 'running handlers end')
        await subscription.close()
        await subscription.close()
        const before = collector.deliveries.length
        await stage.close(member)
        await stage.close(member)
        assert.equal(collector.deliveries.length, before, 'deliveries after close')
      }
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      collector.assertOnce('over five lives')
    },
  },
  {
    id: '8',
    title: 'ten consumers open and close at once',
    proves: 'Consumers that come and go leave nothing behind that keeps messages from others.',
    play: async (stage) => {
      const queue = await stage.queue()
      await Promise.all(
        Array.from({ length: 10 }, async (_, n) => {
          const member = await stage.member()
          const subscription = await stage.subscribe(member, queue, new Collector().receive(`${n}`))
          await subscription.close()
          await stage.close(member)
        }),
      )
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('last'))
      const batch = stage.batch(queue, 50, (n) => ({ key: `k${n}` }))
      await stage.send(batch)
      await collectAll(stage, collector, 50)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      collector.assertOnce()
    },
  },
  {
    id: '11',
    title: 'a producer closed in mid-flight',
    proves: 'What it acknowledged is there, and what it did not take it refused with a code.',
    play: async (stage) => {
      const queue = await stage.queue()
      const producer = await stage.member()
      const acknowledged: string[] = []
      let refused = 0
      const sends = Array.from({ length: 100 }, async (_, n) => {
        if (n >= 50) await stage.pause(n % 10)
        const batch = stage.batch(queue, 10)
        const results = await Promise.resolve(producer.send(batch)).catch((error: unknown) => batch.map(() => error))
        for (const [index, result] of results.entries()) {
          if (result === 'sent') acknowledged.push(batch[index]?.message.id ?? '')
          else refused += isPabalError(result) ? 1 : assert.fail(`refused without a code: ${String(result)}`)
        }
      })
      await stage.pause(3)
      await stage.close(producer)
      await Promise.all(sends)
      const afterwards = await Promise.resolve(producer.send(stage.batch(queue, 1))).catch((error: unknown) => [error])
      assert.ok(isPabalError(afterwards[0], 'CLOSED'), `a send after close gave ${String(afterwards[0])}, not CLOSED`)
      assert.equal(acknowledged.length + refused, 1000)
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      const handled = new Set<string>()
      await stage.until(
        () => {
          for (const id of collector.handled) handled.add(id)
          return acknowledged.every((id) => handled.has(id))
        },
        () => `${acknowledged.filter((id) => !handled.has(id)).length} of ${acknowledged.length} acknowledged messages are missing`,
        () => collector.handled.length,
      )
    },
  },
  {
    id: '14',
    title: 'stop, close, and a second start',
    proves:
      'stop hands out nothing more; what is out may still be settled; close waits until that is written; subscribing again goes on after it.',
    play: async (stage) => {
      const queue = await stage.queue()
      const member = await stage.member()
      const held = new Held()
      const first = new Collector()
      const subscription = await stage.subscribe(member, queue, first.receive('first', held.decide))
      const batch = stage.batch(queue, 5)
      await stage.send(batch)
      await stage.until(
        () => held.count === 5,
        () => `${held.count} of 5 handed out`,
      )
      subscription.stop()
      const more = stage.batch(queue, 5)
      await stage.send(more)
      await stage.nothingMore(() => first.deliveries.length, 'after stop')
      held.settle()
      await subscription.close()
      const second = new Collector()
      await stage.subscribe(member, queue, second.receive('second'))
      await collectAll(stage, second, 5)
      second.assertAll(
        more.map((outgoing) => outgoing.message.id),
        'after the second start',
      )
      await stage.nothingMore(() => second.deliveries.length, 'that was settled before')
    },
  },
  {
    id: 'lifecycle-1',
    title: 'a member that closes with unsettled messages gives them back at once',
    proves: 'Closing a transport settles nothing: another member gets what was out, and it does not count as lost with a process.',
    play: async (stage) => {
      const queue = await stage.queue()
      const member = await stage.member()
      const collector = new Collector()
      await stage.subscribe(member, queue, collector.receive('a', new Held().decide))
      const batch = stage.batch(queue, 20, (n) => ({ key: `k${n % 4}` }))
      await stage.send(batch)
      await stage.until(
        () => collector.deliveries.length === 20,
        () => `${collector.deliveries.length} of 20 handed out`,
      )
      await stage.close(member)
      const next = new Collector()
      await stage.subscribe(await stage.member(), queue, next.receive('b'))
      await collectAll(stage, next, 20)
      next.assertAll(batch.map((outgoing) => outgoing.message.id))
      assert.deepEqual(
        next.deliveries.filter((delivery) => delivery.lost > 0),
        [],
        'counted as lost',
      )
    },
  },
  {
    id: 'lifecycle-2',
    title: 'provisioning is idempotent and a check finds what is missing',
    proves: 'create may be called again; check rejects with a code where a channel is not there.',
    play: async (stage) => {
      const queue = await stage.queue()
      await stage.sender.provision([queue], 'create')
      await stage.sender.provision([queue], 'check')
      const other = { address: `${stage.prefix}-nowhere`, kind: 'point-to-point' } as const
      await assert.rejects(stage.sender.provision([queue, other], 'check'), (error) => isPabalError(error))
    },
  },
  {
    id: 'lifecycle-3',
    title: 'a release is offered to others',
    proves: 'What one member gives back for ever reaches another member that takes it.',
    play: async (stage) => {
      const queue = await stage.queue()
      const [unwilling, willing] = await stage.members(2)
      assert.ok(unwilling && willing)
      const collector = new Collector()
      await stage.subscribe(
        unwilling,
        queue,
        collector.receive('unwilling', () => release(5)),
      )
      await stage.subscribe(willing, queue, collector.receive('willing'))
      const batch = stage.batch(queue, 40, (n) => ({ key: `k${n}` }))
      await stage.send(batch)
      await collectAll(stage, collector, 40)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
    },
  },
]
