import assert from 'node:assert/strict'
import { Collector, done, Held } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { collectAll } from './delivery.ts'
import { eventually } from './lanes.ts'
import { assertHandedOutInOrder, keyed } from './order.ts'

/** Who owns a shard, how it is handed over, and what the death of an owner means. */
export const ownershipScenarios: readonly Definition[] = [
  {
    id: 'ownership-1',
    title: 'a handover waits for what is out',
    proves: 'A shard that is to go to another member is announced, is handed out no more, and goes when its deliveries are settled.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const held = new Held()
      const collector = new Collector()
      const revoked = new Set<string>()
      let late = 0
      const receive = collector.receive('first', held.decide)
      await stage.subscribe(
        await stage.member(),
        queue,
        (delivery) => {
          if (revoked.has(delivery.shard)) late++
          return receive(delivery)
        },
        { revoking: (shard) => void revoked.add(shard), assigned: (shard) => void revoked.delete(shard) },
      )
      const { batch, byKey } = keyed(stage, queue, 64, 64)
      await stage.send(batch)
      await stage.until(
        () => held.count === 64,
        () => `${held.count} of 64 handed out`,
      )
      await stage.subscribe(await stage.member(), queue, collector.receive('second'))
      await stage.until(() => revoked.size > 0, 'the first member is asked to give up some of its shards')
      const more = stage.batch(queue, 64, (n) => ({ key: `key-${n}` }))
      await stage.send(more)
      await stage.pause(stage.quiet)
      assert.equal(late, 0, 'deliveries of a shard that is being handed over')
      collector.assertExclusive()
      held.settle()
      await stage.until(
        () => {
          held.settle()
          return collector.handled.length >= 128
        },
        () => `${collector.handled.length} of 128 handled`,
        () => collector.handled.length,
      )
      assert.ok(collector.byMember.has('second'), 'the second member was given nothing')
      for (const [index, outgoing] of more.entries()) byKey.get(`key-${index}`)?.push(outgoing.message.id)
      assertHandedOutInOrder(collector, byKey)
      collector.assertOnce()
    },
  },
  {
    id: 'ownership-2',
    title: 'the shards of a killed member are taken over',
    proves: 'What a killed member held goes to another within the declared time, in order, with a higher fence.',
    needs: ['mortal'],
    play: async (stage) => {
      const queue = await stage.queue()
      const mortal = await stage.mortal()
      const first = new Collector()
      await stage.subscribe(mortal.transport, queue, first.receive('mortal', new Held().decide))
      const { batch, byKey } = keyed(stage, queue, 40, 8)
      await stage.send(batch)
      await stage.until(
        () => first.deliveries.length === 40,
        () => `${first.deliveries.length} of 40 handed out`,
      )
      const heir = await stage.member()
      const next = new Collector()
      let firstCame: number | undefined
      const receive = next.receive('heir')
      await stage.subscribe(heir, queue, (delivery) => {
        firstCame ??= stage.runtime.monotonic()
        return receive(delivery)
      })
      await stage.pause(stage.quiet)
      const killed = stage.runtime.monotonic()
      await mortal.kill()
      await collectAll(stage, next, 40)
      if (stage.capabilities.ordersByKey) next.assertOrder(byKey)
      next.assertAll(batch.map((outgoing) => outgoing.message.id))
      const took = (firstCame ?? killed) - killed
      const allowed = stage.capabilities.takeover.killed + 500
      assert.ok(took <= allowed, `the first delivery came ${Math.round(took)} ms after the kill, ${allowed} ms are allowed`)
      const fences = new Map(first.deliveries.map((delivery) => [delivery.message.id, delivery.fence]))
      for (const { message, fence } of next.deliveries) {
        assert.ok(fence > (fences.get(message.id) ?? 0), `${message.id}: the new owner's fence ${fence} is not above the old one's`)
      }
    },
  },
  {
    id: '31',
    title: 'a zombie settles nothing',
    proves:
      'A member that stood still, lost its shards and woke up cannot settle: what its handlers send then never leaves, and its deliveries are told.',
    needs: ['mortal', 'fences'],
    play: async (stage) => {
      const queue = await stage.queue()
      const effects = await stage.queue('effects')
      const seen = new Collector()
      await stage.subscribe(stage.sender, effects, seen.receive('effects'))
      const mortal = await stage.mortal()
      const held = new Held()
      const zombie = new Collector()
      await stage.subscribe(mortal.transport, queue, zombie.receive('zombie', held.decide))
      const batch = stage.batch(queue, 20, (n) => ({ key: `k${n % 5}` }))
      await stage.send(batch)
      await stage.until(
        () => held.count === 20,
        () => `${held.count} of 20 handed out`,
      )
      await mortal.freeze()
      const heir = new Collector()
      await stage.subscribe(
        await stage.member(),
        queue,
        heir.receive('heir', ({ message }) => done(stage.outgoing(effects, { id: `heir-${message.id}` }))),
      )
      await collectAll(stage, heir, 20)
      heir.assertAll(batch.map((outgoing) => outgoing.message.id))
      await collectAll(stage, seen, 20)
      held.settle(done(stage.outgoing(effects, { id: 'from the zombie' })))
      await mortal.thaw()
      await stage.until(
        () => zombie.deliveries.every((delivery) => delivery.signal.aborted),
        'the deliveries of the zombie are told that they are lost',
      )
      // What it may send leaves again: anything that it sent before has had its chance.
      await stage.send([stage.outgoing(effects, { id: 'from the living' })], mortal.transport)
      await stage.until(() => seen.of('from the living').length > 0, 'what the member sends after it woke up arrives')
      await stage.nothingMore(() => seen.deliveries.length, 'from the zombie')
      assert.equal(seen.of('from the zombie').length, 0, 'what the zombie emitted arrived')
      await stage.nothingMore(() => heir.deliveries.length, 'for the heir')
      heir.assertOnce()
    },
  },
  {
    id: '25',
    title: 'number 10 is held while 11 to 50 complete, then its process is killed',
    proves: 'Settling later messages does not acknowledge an earlier one: it comes again.',
    needs: ['mortal'],
    play: async (stage) => {
      const queue = await stage.queue()
      const mortal = await stage.mortal()
      const batch = stage.batch(queue, 50, (n) => ({ key: n % 2 === 0 ? 'one' : undefined }))
      const tenth = batch[9]?.message.id ?? ''
      const held = new Held()
      const first = new Collector()
      await stage.subscribe(
        mortal.transport,
        queue,
        first.receive('mortal', (delivery) => (delivery.message.id === tenth ? held.decide(delivery) : done())),
      )
      await stage.send(batch)
      await collectAll(stage, first, 49)
      await stage.pause(stage.quiet)
      await mortal.kill()
      const next = new Collector()
      await stage.subscribe(await stage.member(), queue, next.receive('heir'))
      await stage.until(() => next.handled.includes(tenth), 'the tenth message is delivered again')
    },
  },
  {
    id: 'ownership-3',
    title: 'what a producer was told is sent outlives it',
    proves: 'A message whose send resolved is there although its sender is killed at that very moment.',
    needs: ['mortal'],
    play: async (stage) => {
      const queue = await stage.queue()
      const acknowledged: string[] = []
      for (let life = 0; life < 3; life++) {
        const mortal = await stage.mortal()
        const batch = stage.batch(queue, 20, (n) => ({ key: `k${n}` }))
        const sending = batch.map(async (outgoing) => {
          const [result] = await Promise.resolve(mortal.transport.send([outgoing])).catch(() => ['lost'])
          if (result === 'sent') acknowledged.push(outgoing.message.id)
          return result
        })
        await Promise.race(sending)
        await mortal.kill()
        await Promise.allSettled(sending)
      }
      assert.ok(acknowledged.length > 0, 'nothing was acknowledged')
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      await stage.until(
        () => acknowledged.every((id) => collector.handled.includes(id)),
        () => `acknowledged and missing: ${acknowledged.filter((id) => !collector.handled.includes(id))}`,
        () => collector.handled.length,
      )
    },
  },
  {
    id: 'ownership-4',
    title: 'ephemeral subscribers, inboxes and transient groups vanish with their process',
    proves: 'What belongs to an instance is gone when it is killed: nothing is kept for it, and it is no longer named.',
    needs: ['mortal', 'detectsNoReceiver'],
    play: async (stage) => {
      const topic = await stage.topic()
      const mortal = await stage.mortal()
      await stage.subscribe(mortal.transport, topic, new Collector().receive('m'), { durable: false, group: 'gone' })
      await stage.subscribe(mortal.transport, topic, new Collector().receive('m'), { durable: false })
      const inbox = await mortal.transport.inbox('mortal', new Collector().receive('m'))
      const to = { address: inbox.address, kind: 'inbox' } as const
      const ask = async (channel: typeof to | typeof topic) =>
        (await stage.sender.send([stage.outgoing(channel, { durable: false, ttl: 500 })]))[0]
      assert.deepEqual([await ask(topic), await ask(to)], ['sent', 'sent'])
      await mortal.kill()
      await eventually(stage, async () => (await ask(topic)) === 'no-receiver', 'the groups of the killed member are gone')
      await eventually(stage, async () => (await ask(to)) === 'no-receiver', 'its inbox is gone')
      assert.deepEqual((await stage.sender.receivers?.(topic)) ?? [], [])
    },
  },
]
