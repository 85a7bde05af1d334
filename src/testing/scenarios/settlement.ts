import assert from 'node:assert/strict'
import { Collector, done, Held } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertSame, assertSequence } from '../samples.ts'
import { collectAll } from './delivery.ts'

/** What leaves with an acknowledgement, and what may wait. */
export const settlementScenarios: readonly Definition[] = [
  {
    id: 'settlement-1',
    title: 'emissions leave with the acknowledgement, whole and in order',
    proves: 'Whatever a settlement emits arrives on its channels to the byte and, for one key, in the order in which it was handled.',
    play: async (stage) => {
      const queue = await stage.queue()
      const onward = await stage.queue('onward')
      const topic = await stage.topic()
      const group = stage.capabilities.durableGroups ? 'g' : undefined
      const next = new Collector()
      const events = new Collector()
      await stage.subscribe(await stage.member(), onward, next.receive('next'))
      await stage.subscribe(await stage.member(), topic, events.receive('events'), { group })
      const emitted = new Map(
        stage
          .batch(onward, 200, (n) => ({ key: 'one', headers: { n: `${n}` }, body: new Uint8Array(n).fill(n) }))
          .map((out, n) => [n, out]),
      )
      const batch = stage.batch(queue, 200, () => ({ key: 'one' }))
      const indexOf = new Map(batch.map((outgoing, n) => [outgoing.message.id, n]))
      await stage.subscribe(
        await stage.member(),
        queue,
        new Collector().receive('a', ({ message }) => {
          const out = emitted.get(indexOf.get(message.id) ?? -1) ?? assert.fail('a foreign message')
          return done(out, { ...out, channel: topic })
        }),
      )
      await stage.send(batch)
      await collectAll(stage, next, 200)
      await collectAll(stage, events, 200)
      for (const { message } of emitted.values())
        assertSame(next.of(message.id)[0]?.message ?? assert.fail(`${message.id} is missing`), message)
      const ids = [...emitted.values()].map((outgoing) => outgoing.message.id)
      if (stage.capabilities.ordersByKey) for (const { handled } of [next, events]) assertSequence(handled, ids, 'emissions')
      next.assertOnce()
    },
  },
  {
    id: 'settlement-2',
    title: 'what is given back emits nothing, what is never settled neither',
    proves: 'Only an acknowledgement lets emissions leave: not a rejection, not a member that closes first.',
    play: async (stage) => {
      const queue = await stage.queue()
      const onward = await stage.queue('onward')
      const next = new Collector()
      await stage.subscribe(stage.sender, onward, next.receive('next'))
      const member = await stage.member()
      const held = new Held()
      const first = new Collector()
      await stage.subscribe(member, queue, first.receive('a', held.decide))
      await stage.send(stage.batch(queue, 5))
      await stage.until(
        () => held.count === 5,
        () => `${held.count} of 5 handed out`,
      )
      await stage.close(member)
      held.settle(done(stage.outgoing(onward)))
      await stage.nothingMore(() => next.deliveries.length, 'from a member that had closed')
      const again = new Collector()
      await stage.subscribe(
        await stage.member(),
        queue,
        again.receive('b', ({ message }) => done(stage.outgoing(onward, { id: `of ${message.id}` }))),
      )
      await collectAll(stage, again, 5)
      await collectAll(stage, next, 5)
      assert.equal(
        next.ids.every((id) => id.startsWith('of ')),
        true,
      )
    },
  },
  {
    id: 'settlement-3',
    title: 'a message to the channel that is being read',
    proves: 'A handler may send to its own channel, to its own key: it arrives after what was sent before.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', ({ message }) => {
          const left = Number(message.headers.left)
          return left === 0 ? done() : done(stage.outgoing(queue, { key: 'one', headers: { left: `${left - 1}` } }))
        }),
      )
      await stage.send([stage.outgoing(queue, { key: 'one', headers: { left: '20' } })])
      await collectAll(stage, collector, 21)
      await stage.nothingMore(() => collector.deliveries.length, 'after the last')
    },
  },
  {
    id: 'delays-1',
    title: 'a delayed message comes when it is due, and not before',
    proves: 'notBefore is kept, whoever is there, for sends and for emissions; what is not delayed does not wait for it.',
    needs: ['delays'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const due = new Map<string, number>()
      const early: string[] = []
      const delayed = (ms: number) => {
        const outgoing = stage.outgoing(queue, { key: `k${ms}`, notBefore: stage.runtime.now() + ms })
        due.set(outgoing.message.id, outgoing.notBefore ?? 0)
        return outgoing
      }
      const first = await stage.member()
      // Longer than it takes to begin to send and to read, which is more on a broker.
      const third = Math.ceil(stage.patience / 20)
      const batch = [delayed(3 * third), delayed(third), delayed(2 * third), stage.outgoing(queue)]
      const last = Math.max(...due.values())
      let waited = true
      await stage.send(batch)
      const receive = collector.receive('a', ({ message }) => {
        const { id } = message
        if (stage.runtime.now() < (due.get(id) ?? 0)) early.push(id)
        if (id !== batch[3]?.message.id) return done()
        waited = stage.runtime.now() >= last
        return done(delayed(third))
      })
      await stage.subscribe(first, queue, receive)
      await collectAll(stage, collector, 2)
      await stage.close(first)
      await stage.subscribe(await stage.member(), queue, receive)
      await collectAll(stage, collector, 5)
      assert.deepEqual(early, [], 'handed out before they were due')
      assert.equal(waited, false, 'the message without a delay waited for the others')
      collector.assertOnce()
    },
  },
]
