import assert from 'node:assert/strict'
import { Collector, done, park } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertSame } from '../samples.ts'
import { collectAll } from './delivery.ts'

/** What a person sees and does to messages that wait. */
export const adminScenarios: readonly Definition[] = [
  {
    id: 'admin-1',
    title: 'a person looks: depths and contents',
    proves: 'depths counts what waits and what is parked, browse shows it in order and takes nothing away.',
    needs: ['admin'],
    play: async (stage) => {
      const admin = stage.sender.admin ?? assert.fail()
      const queue = await stage.queue()
      const batch = stage.batch(queue, 25, () => ({ key: 'one', headers: { a: 'b' } }))
      await stage.send(batch)
      const depth = async () => (await admin.depths()).find((row) => row.channel.address === queue.address)
      assert.deepEqual([(await depth())?.waiting, (await depth())?.parked], [25, 0])
      assert.ok(((await depth())?.oldest ?? 0) <= stage.runtime.now())
      const browsed = []
      let after: string | undefined
      for (;;) {
        const page = await admin.browse({ channel: queue }, { limit: 10, after })
        browsed.push(...page)
        if (page.length < 10) break
        after = page.at(-1)?.position
      }
      assert.equal(browsed.length, 25)
      for (const [index, stored] of browsed.entries()) assertSame(stored.message, batch[index]?.message ?? assert.fail())
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      await collectAll(stage, collector, 25)
      let waiting: number | undefined = 25
      for (let tries = 0; waiting !== 0 && tries < 100; tries++) {
        await stage.pause(20)
        waiting = (await depth())?.waiting ?? 0
      }
      assert.equal(waiting, 0, 'nothing waits when everything is settled')
    },
  },
  {
    id: 'admin-2',
    title: 'a person redrives what is parked, as it is or edited',
    proves:
      "amend changes a parked message's note and content in its place; the owner of the shard gets it at once, with the order that was left.",
    needs: ['admin', 'parks'],
    play: async (stage) => {
      const admin = stage.sender.admin ?? assert.fail()
      const queue = await stage.queue()
      const collector = new Collector()
      const decide = collector.receive('a', ({ parked }) =>
        parked === undefined ? park({ attempts: 10, code: 'ATTEMPTS_SPENT' }) : done(),
      )
      await stage.subscribe(await stage.member(), queue, decide)
      const batch = stage.batch(queue, 3, () => ({ key: 'one' }))
      await stage.send(batch)
      const place = { channel: queue, parked: true }
      let stored = await admin.browse(place, { limit: 10 })
      for (let tries = 0; stored.length < 3 && tries < 100; tries++) {
        await stage.pause(20)
        stored = await admin.browse(place, { limit: 10 })
      }
      assert.deepEqual(
        stored.map((one) => one.message.id),
        batch.map((outgoing) => outgoing.message.id),
      )
      const depth = (await admin.depths()).find((row) => row.channel.address === queue.address)
      assert.deepEqual([depth?.waiting, depth?.parked], [0, 3])
      const [head, second, third] = stored
      assert.ok(head?.note && second?.note && third?.note)
      assert.equal(head.note.code, 'ATTEMPTS_SPENT')
      const due = stage.runtime.now()
      const edited = { ...head.message, body: new TextEncoder().encode('edited by a person') }
      // the later ones first: they still wait for their head
      assert.equal(await admin.amend(place, third.position, { ...third.note, due, order: 'redrive' }), true)
      assert.equal(await admin.amend(place, second.position, { ...second.note, due, order: 'skip' }), true)
      await stage.nothingMore(() => collector.deliveries.length, 'before the head of the key')
      assert.equal(await admin.amend(place, head.position, { ...head.note, due, order: 'redrive' }, edited), true)
      await collectAll(stage, collector, 3)
      assert.deepEqual(
        collector.handled,
        batch.map((outgoing) => outgoing.message.id),
      )
      assert.deepEqual(
        collector.deliveries.slice(-3).map((delivery) => delivery.parked?.order),
        ['redrive', 'skip', 'redrive'],
      )
      assertSame(collector.deliveries.at(-3)?.message ?? assert.fail(), edited)
      assert.equal(await admin.amend(place, head.position, head.note), false, 'it is gone')
    },
  },
  {
    id: 'admin-3',
    title: 'a person moves a dead letter back, or takes it away',
    proves: 'move takes a message from a queue to the end of a parking lot in one step; discard takes one away; both say when it is gone.',
    needs: ['admin', 'parks'],
    play: async (stage) => {
      const admin = stage.sender.admin ?? assert.fail()
      const queue = await stage.queue()
      const dead = await stage.queue('dead')
      const batch = stage.batch(dead, 3, () => ({ key: 'one', headers: { kept: 'yes' } }))
      await stage.send(batch)
      const [first, second, third] = await admin.browse({ channel: dead }, { limit: 10 })
      assert.ok(first && second && third)
      const to = { channel: queue, parked: true }
      const note = { due: 0, attempts: 0, code: 'ATTEMPTS_SPENT', reason: 'redriven', order: 'redrive' } as const
      const collector = new Collector()
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', () => done()),
      )
      assert.equal(await admin.move({ channel: dead }, second.position, to, note), true)
      await collectAll(stage, collector, 1)
      assertSame(collector.deliveries[0]?.message ?? assert.fail(), second.message)
      assert.equal(collector.deliveries[0]?.parked?.order, 'redrive')
      assert.equal(await admin.discard({ channel: dead }, first.position), true)
      assert.equal(await admin.discard({ channel: dead }, first.position), false)
      assert.equal(await admin.move({ channel: dead }, second.position, to, note), false)
      const rest = new Collector()
      await stage.subscribe(await stage.member(), dead, rest.receive('dead'))
      await collectAll(stage, rest, 1)
      await stage.nothingMore(() => rest.deliveries.length + collector.deliveries.length, 'of what was moved or discarded')
      assert.deepEqual(rest.handled, [third.message.id])
    },
  },
]
