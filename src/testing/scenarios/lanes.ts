import assert from 'node:assert/strict'
import { Collector, done } from '../collector.ts'
import type { Definition } from '../definition.ts'
import type { Stage } from '../stage.ts'
import { collectAll } from './delivery.ts'

/** The transient lane, instances' own inboxes, and who is there. */
export const laneScenarios: readonly Definition[] = [
  {
    id: 'lanes-1',
    title: 'the durable and the transient lane of a channel are separate',
    proves: 'A durable message reaches only subscribers of the durable lane, a transient one only those of the transient lane.',
    play: async (stage) => {
      const queue = await stage.queue()
      const durable = new Collector()
      const transient = new Collector()
      await stage.subscribe(await stage.member(), queue, durable.receive('durable'))
      await stage.subscribe(await stage.member(), queue, transient.receive('transient'), { durable: false })
      const lasting = stage.batch(queue, 50)
      const passing = stage.batch(queue, 50, () => ({ durable: false, ttl: 30_000 }))
      await Promise.all([stage.send(lasting), stage.send(passing)])
      await Promise.all([collectAll(stage, durable, 50), collectAll(stage, transient, 50)])
      await stage.nothingMore(() => durable.deliveries.length + transient.deliveries.length, 'in the other lane')
      durable.assertAll(lasting.map((outgoing) => outgoing.message.id))
      transient.assertAll(passing.map((outgoing) => outgoing.message.id))
    },
  },
  {
    id: 'lanes-2',
    title: 'a transient message to nobody is known at once',
    proves:
      'no-receiver is the result where nobody ever listened, sent as soon as somebody does, and soon no-receiver again when nobody is left.',
    needs: ['detectsNoReceiver'],
    play: async (stage) => {
      const queue = await stage.queue()
      const ask = async () => (await stage.sender.send([stage.outgoing(queue, { durable: false, ttl: 5000 })]))[0]
      assert.equal(await ask(), 'no-receiver')
      const collector = new Collector()
      const member = await stage.member()
      const subscription = await stage.subscribe(member, queue, collector.receive('a'), { durable: false })
      assert.equal(await ask(), 'sent')
      await collectAll(stage, collector, 1)
      await subscription.close()
      await nobodyThere(stage, ask)
    },
  },
  {
    id: 'lanes-3',
    title: 'competing consumers of the transient lane',
    proves:
      'On a point-to-point channel each transient message goes to one consumer; on a publish-subscribe channel to one of each group and to every ephemeral one.',
    play: async (stage) => {
      const queue = await stage.queue()
      const topic = await stage.topic()
      const shared = new Collector()
      for (const n of [0, 1]) await stage.subscribe(await stage.member(), queue, shared.receive(`${n}`), { durable: false })
      const kitchen = new Collector()
      for (const n of [0, 1])
        await stage.subscribe(await stage.member(), topic, kitchen.receive(`${n}`), { durable: false, group: 'kitchen' })
      const own = new Collector()
      await stage.subscribe(await stage.member(), topic, own.receive('own'), { durable: false })
      await stage.send([queue, topic].flatMap((channel) => stage.batch(channel, 50, () => ({ durable: false, ttl: 30_000 }))))
      for (const collector of [shared, kitchen, own]) {
        await collectAll(stage, collector, 50)
        collector.assertOnce()
      }
      await stage.nothingMore(() => shared.deliveries.length + kitchen.deliveries.length + own.deliveries.length, 'twice')
    },
  },
  {
    id: 'lanes-4',
    title: 'receivers names the groups that are there',
    proves: 'receivers() names each group with a transient subscriber, and no longer when it left.',
    needs: ['knowsReceivers'],
    play: async (stage) => {
      const topic = await stage.topic()
      const receivers = async () => [...((await stage.sender.receivers?.(topic)) ?? assert.fail('receivers() is missing'))].sort()
      assert.deepEqual(await receivers(), [])
      const member = await stage.member()
      const blue = await stage.subscribe(member, topic, new Collector().receive('a'), { durable: false, group: 'blue' })
      await stage.subscribe(await stage.member(), topic, new Collector().receive('b'), { durable: false, group: 'red' })
      await stage.subscribe(await stage.member(), topic, new Collector().receive('c'), { durable: false, group: 'red' })
      assert.deepEqual(await receivers(), ['blue', 'red'])
      await blue.close()
      await eventually(stage, async () => (await receivers()).join() === 'red', 'the group that left is named no longer')
    },
  },
  {
    id: 'lanes-5',
    title: "an instance's inbox",
    proves: 'An inbox has an address in the reply namespace, takes what is sent to it from anywhere, and vanishes with its owner.',
    play: async (stage) => {
      const collector = new Collector()
      const owner = await stage.member()
      const inbox = await owner.inbox('a-person-reads-this', collector.receive('inbox'))
      const other = await owner.inbox('a-person-reads-this', new Collector().receive('other'))
      assert.match(inbox.address, /^inbox\.[\w.:@/+=~-]{1,300}$/)
      assert.notEqual(inbox.address, other.address)
      const to = { address: inbox.address, kind: 'inbox' } as const
      const batch = stage.batch(to, 100, () => ({ durable: false, ttl: 30_000 }))
      await stage.send(batch.slice(0, 50))
      await stage.send(batch.slice(50), await stage.member())
      await collectAll(stage, collector, 100)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      await inbox.close()
      const ask = async () => (await stage.sender.send([stage.outgoing(to, { durable: false, ttl: 1000 })]))[0]
      if (stage.capabilities.detectsNoReceiver) await nobodyThere(stage, ask)
      else assert.equal(await ask(), 'sent')
      await stage.nothingMore(() => collector.deliveries.length, 'after the inbox closed')
    },
  },
  {
    id: 'lanes-6',
    title: 'a reply leaves with the acknowledgement',
    proves: 'A transient emission to an inbox arrives when its request is settled; from a transient request as from a durable one.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const inbox = await (await stage.member()).inbox('asker', collector.receive('inbox'))
      const to = { address: inbox.address, kind: 'inbox' } as const
      const answer = (id: string) => done(stage.outgoing(to, { durable: false, ttl: 30_000, fields: { correlationId: id, kind: 'reply' } }))
      const server = await stage.member()
      for (const durable of [true, false]) {
        await stage.subscribe(
          server,
          queue,
          new Collector().receive('server', ({ message }) => answer(message.id)),
          { durable },
        )
      }
      const batch = stage.batch(queue, 100, (n) => ({ durable: n % 2 === 0, ttl: n % 2 === 0 ? undefined : 30_000 }))
      await stage.send(batch)
      await collectAll(stage, collector, 100)
      const answered = collector.deliveries.map((delivery) => delivery.message.correlationId)
      assert.deepEqual(answered.sort(), batch.map((outgoing) => outgoing.message.id).sort())
    },
  },
]

/** Other processes learn of a departure a moment later; until then a message may go to nobody. */
const nobodyThere = (stage: Stage, ask: () => Promise<unknown>): Promise<void> =>
  eventually(stage, async () => (await ask()) === 'no-receiver', 'nobody is left, and that is said')

/** Asks until the answer is yes. */
export async function eventually(stage: Stage, ask: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = stage.runtime.monotonic() + stage.patience
  while (!(await ask())) {
    assert.ok(stage.runtime.monotonic() < deadline, `${what}: not within ${stage.patience} ms`)
    await stage.pause(10)
  }
}
