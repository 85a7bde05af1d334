import assert from 'node:assert/strict'
import type { Channel } from '../../channel/channel.ts'
import type { Outgoing, Settlement } from '../../transport/seam.ts'
import { Collector, done, Held, release } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertSequence } from '../samples.ts'
import type { Stage } from '../stage.ts'
import { collectAll } from './delivery.ts'

/** Order per key, for any number of consumers, through every change of owner. */
export const orderScenarios: readonly Definition[] = [
  {
    id: '4',
    title: '1,000 messages of 16 keys, ten competing consumers',
    proves: 'The messages of a key are handed out in the order in which they were sent, to one consumer at a time.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const members = await stage.members(10)
      await Promise.all(
        members.map((member, n) =>
          stage.subscribe(
            member,
            queue,
            collector.receive(`${n}`, () => jitter(stage)),
          ),
        ),
      )
      const { batch, byKey } = keyed(stage, queue, 1000, 16)
      for (let at = 0; at < batch.length; at += 40) await stage.send(batch.slice(at, at + 40))
      await collectAll(stage, collector, 1000)
      assertHandedOutInOrder(collector, byKey)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      collector.assertOnce()
    },
  },
  {
    id: 'order-1',
    title: 'two sends of one tick keep their order',
    proves: 'Calls of send made one after the other, without waiting, are stored in that order.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      const { batch, byKey } = keyed(stage, queue, 200, 3)
      await Promise.all(batch.map((outgoing) => stage.send([outgoing])))
      await collectAll(stage, collector, 200)
      assertHandedOutInOrder(collector, byKey)
    },
  },
  {
    id: 'order-2',
    title: 'members come and go under load',
    proves: 'Order per key holds and no key is with two members at once while members join and leave; nothing is lost or doubled.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const { batch, byKey } = keyed(stage, queue, 1500, 24)
      const sending = (async () => {
        for (let at = 0; at < batch.length; at += 30) {
          await stage.send(batch.slice(at, at + 30))
          await stage.pause(5)
        }
      })()
      for (let round = 0; round < 4; round++) {
        const members = await stage.members(3)
        const joined = await Promise.all(
          members.map((member, n) =>
            stage.subscribe(
              member,
              queue,
              collector.receive(`${round}/${n}`, () => jitter(stage)),
            ),
          ),
        )
        await stage.pause(60)
        if (round === 3) break
        for (const subscription of joined) subscription.stop()
        await stage.until(
          () => members.every((_, n) => collector.outOf(`${round}/${n}`) === 0),
          'the handlers of the members that leave end',
        )
        await Promise.all(joined.map((subscription) => subscription.close()))
      }
      await sending
      await collectAll(stage, collector, 1500)
      assertHandedOutInOrder(collector, byKey)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      collector.assertOnce('handled after graceful changes of owner')
    },
  },
  {
    id: 'order-3',
    title: 'what is given back comes again in order',
    proves:
      'A release of everything that is out of a key hands it out again in the order in which it was sent, not before the time that was asked for.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const backwards = await stage.queue('backwards')
      const collector = new Collector()
      const first = new Map<string, number>()
      let early = 0
      const decide = (id: string) => {
        const now = stage.runtime.monotonic()
        const since = first.get(id)
        if (since === undefined) {
          first.set(id, now)
          return release(50)
        }
        // a clock of the store's may be rounded to whole milliseconds
        if (now - since < 48) early++
        return done()
      }
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', ({ message }) => decide(message.id)),
      )
      const { batch, byKey } = keyed(stage, queue, 60, 4)
      await stage.send(batch)
      await collectAll(stage, collector, 60)
      collector.assertOrder(byKey)
      assert.equal(early, 0, 'deliveries came again before the time that was asked for')
      // and whatever the order in which they are given back
      const reverse: ((settlement: Settlement) => void)[] = []
      await stage.send(stage.batch(backwards, 12, () => ({ key: 'one' })))
      const again = new Collector()
      const hold = (): Settlement | Promise<Settlement> =>
        again.deliveries.length <= 12 ? new Promise((resolve) => reverse.push(resolve)) : done()
      await stage.subscribe(await stage.member(), backwards, again.receive('b', hold))
      await stage.until(
        () => reverse.length === 12,
        () => `${reverse.length} of 12 handed out`,
      )
      for (const settle of reverse.reverse()) settle(release(20))
      await collectAll(stage, again, 12)
      assertSequence(again.ids.slice(12), again.ids.slice(0, 12), 'given back last to first')
    },
  },
  {
    id: '26',
    title: 'settling out of order acknowledges nothing else',
    proves: 'What is settled is settled alone: everything older and unsettled is delivered again after the consumer closes.',
    play: async (stage) => {
      const queue = await stage.queue()
      const held = new Held()
      const collector = new Collector()
      const batch = stage.batch(queue, 50, (n) => ({ key: n % 2 === 0 ? 'one' : `k${n}` }))
      const keep = new Set([4, 10, 11, 30].map((index) => batch[index]?.message.id ?? ''))
      const member = await stage.unopened()
      await member.open(() => {})
      await stage.subscribe(
        member,
        queue,
        collector.receive('a', (delivery) => (keep.has(delivery.message.id) ? held.decide(delivery) : done())),
      )
      await stage.send(batch)
      await collectAll(stage, collector, 46)
      await stage.pause(stage.quiet)
      await stage.close(member)
      collector.forget('a')
      const next = new Collector()
      await stage.subscribe(await stage.member(), queue, next.receive('b'))
      await stage.until(
        () => [...keep].every((id) => next.handled.includes(id)),
        () => `${next.handled} of ${[...keep]} redelivered`,
      )
    },
  },
]

/** Messages over so many keys in turn, with their ids by key. */
export function keyed(stage: Stage, channel: Channel, count: number, keys: number): { batch: Outgoing[]; byKey: Map<string, string[]> } {
  const batch = stage.batch(channel, count, (n) => ({ key: `key-${n % keys}` }))
  const byKey = new Map<string, string[]>()
  for (const { message } of batch) {
    const key = message.key as string
    byKey.set(key, [...(byKey.get(key) ?? []), message.id])
  }
  return { batch, byKey }
}

/** The order in which they came, whatever the order in which handlers ended. */
export function assertHandedOutInOrder(collector: Collector, byKey: ReadonlyMap<string, readonly string[]>): void {
  for (const [key, ids] of byKey) {
    const came = collector.deliveries.filter((delivery) => delivery.message.key === key).map((delivery) => delivery.message.id)
    assertSequence([...new Set(came)], ids, `the order of key ${key}`)
  }
  collector.assertExclusive()
}

/** Handlers of unequal length, a few milliseconds at most. */
async function jitter(stage: Stage) {
  if (stage.runtime.random() < 0.2) await stage.pause(stage.runtime.random() * 4)
  return done()
}
