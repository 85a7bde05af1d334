import assert from 'node:assert/strict'
import { Collector, done, Held, park, release } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertSame } from '../samples.ts'
import { collectAll } from './delivery.ts'
import { keyed } from './order.ts'

/** The parking lot: out of the way of other keys, in order, durably. */
export const parkingScenarios: readonly Definition[] = [
  {
    id: 'parking-1',
    title: 'a parked message comes back when it is due, whole and with its note',
    proves: 'Parking keeps the message to the byte and the note as it was given, and hands it out no earlier than it is due.',
    needs: ['parks'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const clock = stage.runtime
      const note = {
        attempts: 7,
        code: 'HANDLER_FAILED',
        reason: 'the oven — 파발 — is cold\n\tline two',
        firstFailure: 1234,
        lastFailure: 5678,
      }
      let due = 0
      let came = 0
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', (delivery) => {
          if (delivery.parked !== undefined) {
            came = clock.now()
            return done()
          }
          due = clock.now() + 300
          return park({ ...note, due })
        }),
      )
      const outgoing = stage.outgoing(queue, { key: 'k', headers: { 'X-a': '1', b: 'ü' }, body: Uint8Array.from([0, 255, 10, 13]) })
      await stage.send([outgoing])
      await collectAll(stage, collector, 1)
      const [first, again] = collector.deliveries
      assert.ok(first && again)
      assertSame(again.message, outgoing.message)
      const { due: noted, order, ...rest } = again.parked ?? assert.fail('the delivery carries no note')
      assert.deepEqual(JSON.parse(JSON.stringify(rest)), note)
      assert.equal(noted, due)
      assert.equal(order, undefined)
      assert.equal(again.shard, first.shard)
      assert.ok(came >= due, `handed out ${due - came} ms before it was due`)
    },
  },
  {
    id: 'parking-2',
    title: 'a parked key comes one at a time, in the order of parking',
    proves:
      'The next parked message of a key is handed out when the one before was acknowledged; parking again keeps its place; other keys flow.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const again = new Map<string, number>()
      let out = 0
      let highest = 0
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', async ({ message, parked }) => {
          if (message.key === 'other') return done()
          if (parked === undefined) return park({ due: 0, attempts: 0 })
          highest = Math.max(highest, ++out)
          await stage.pause(2)
          out--
          const times = (again.get(message.id) ?? 0) + 1
          again.set(message.id, times)
          if (times === 1) return park({ due: stage.runtime.now() + 20, attempts: 1 })
          return times === 2 ? release(5) : done()
        }),
      )
      const bad = stage.batch(queue, 10, () => ({ key: 'bad' }))
      const other = stage.batch(queue, 50, () => ({ key: 'other' }))
      await stage.send([...bad, ...other])
      await collectAll(stage, collector, 60)
      assert.equal(highest, 1, 'more than one parked message of a key was out')
      const ids = (batch: typeof bad) => batch.map((outgoing) => outgoing.message.id)
      collector.assertOrder(
        new Map([
          ['bad', ids(bad)],
          ['other', ids(other)],
        ]),
      )
      const parkedOrder = collector.deliveries.filter((delivery) => delivery.parked).map((delivery) => delivery.message.id)
      assert.deepEqual(
        parkedOrder,
        ids(bad).flatMap((id) => [id, id, id]),
        'each head was tried until it was done, then the next came',
      )
    },
  },
  {
    id: 'parking-3',
    title: 'a new owner is told what is parked, before anything else',
    proves:
      'assigned names every parked key of the shard with its count before the first delivery; parked messages survive the change of owner in order.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const first = new Collector()
      const member = await stage.member()
      await stage.subscribe(
        member,
        queue,
        first.receive('a', () => park({ due: stage.runtime.now() + 3_600_000 })),
        { maxMessages: 5 },
      )
      const { batch, byKey } = keyed(stage, queue, 60, 6)
      const unkeyed = stage.batch(queue, 5)
      await stage.send([...batch, ...unkeyed])
      await stage.until(
        () => first.deliveries.length === 65 && first.out === 0,
        () => `${first.deliveries.length} of 65 parked`,
      )
      await stage.close(member)

      const told = new Map<string, number>()
      const assigned = new Set<string>()
      let untold = 0
      const next = new Collector()
      const receive = next.receive('b')
      await stage.subscribe(
        await stage.member(),
        queue,
        async (delivery) => {
          if (!assigned.has(delivery.shard)) untold++
          return receive(delivery)
        },
        {
          assigned: (shard, parked) => {
            assert.ok(!assigned.has(shard), `shard ${shard} assigned twice`)
            assigned.add(shard)
            for (const [key, count] of parked) told.set(key, (told.get(key) ?? 0) + count)
          },
        },
      )
      await stage.send(stage.batch(queue, 100, (n) => ({ key: n % 2 === 0 ? `fresh-${n}` : undefined })))
      await collectAll(stage, next, 100)
      assert.equal(untold, 0, 'deliveries of a shard that was not assigned before')
      assert.deepEqual([...told].sort(), [...byKey].map(([key, ids]) => [key, ids.length]).sort())
      await stage.nothingMore(() => next.deliveries.length, 'before it was due')
    },
  },
  {
    id: 'parking-4',
    title: 'what is due comes to the new owner, in order',
    proves: 'Parked messages outlive the member that parked them and come, one at a time per key in order, to whoever owns the shard.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const first = new Collector()
      const member = await stage.member()
      // Counted from when the members are there: they may take long to join.
      let due = 0
      await stage.subscribe(
        member,
        queue,
        first.receive('a', () => park({ due: (due ||= stage.runtime.now() + 1000), attempts: 3 })),
      )
      const { batch, byKey } = keyed(stage, queue, 60, 6)
      await stage.send(batch)
      await stage.until(
        () => new Set(first.ids).size >= 60 && first.out === 0,
        () => `${first.deliveries.length} of 60 parked`,
      )
      await stage.close(member)
      const next = new Collector()
      for (const n of [0, 1]) await stage.subscribe(await stage.member(), queue, next.receive(`b${n}`))
      await collectAll(stage, next, 60)
      next.assertOrder(byKey)
      next.assertOnce()
      for (const delivery of next.deliveries) assert.equal(delivery.parked?.attempts, 3)
    },
  },
  {
    id: 'parking-5',
    title: 'unkeyed parked messages do not wait for each other',
    proves: 'Each parked message without a key comes when it is due, whatever others do.',
    needs: ['parks'],
    play: async (stage) => {
      const queue = await stage.queue()
      const held = new Held()
      const collector = new Collector()
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', (delivery) => (delivery.parked === undefined ? park({ due: 0 }) : held.decide(delivery))),
      )
      await stage.send(stage.batch(queue, 20))
      await stage.until(
        () => held.count === 20,
        () => `${held.count} of 20 parked messages are out at once`,
      )
      held.settle()
      await collectAll(stage, collector, 20)
    },
  },
  {
    id: 'parking-6',
    title: 'a parked key stops nothing else of its shard',
    proves:
      'While a key is parked for long the queue goes on: other keys of the shard, and later messages of the same key, are handed out.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const headId = `${stage.prefix}-head`
      await stage.subscribe(
        await stage.member(),
        queue,
        collector.receive('a', ({ message }) => (message.id === headId ? park() : done())),
        { maxMessages: 1 },
      )
      await stage.send([stage.outgoing(queue, { id: headId, key: 'bad' })])
      const rest = stage.batch(queue, 200, (n) => ({ key: n % 10 === 0 ? 'bad' : `k${n % 40}` }))
      await stage.send(rest)
      await collectAll(stage, collector, 200)
      collector.assertAll(rest.map((outgoing) => outgoing.message.id))
      assert.equal(collector.of(headId).length, 1, 'what is parked without a due time waits for a person')
    },
  },
  {
    id: 'parking-7',
    title: 'a head that comes late goes before its parked followers',
    proves:
      'Where followers were parked and their head was given back, the head comes first and says so; parking it then puts it before them.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const head = new Held()
      const headId = `${stage.prefix}-head`
      const decide = collector.receive('a', (delivery) => {
        if (delivery.parked !== undefined) return done()
        if (delivery.message.id !== headId) return park({ due: 0, attempts: 0 })
        return collector.of(headId).length === 1 ? head.decide(delivery) : park({ due: stage.runtime.now() + 50 })
      })
      await stage.subscribe(await stage.member(), queue, decide)
      const batch = [stage.outgoing(queue, { id: headId, key: 'one' }), ...stage.batch(queue, 5, () => ({ key: 'one' }))]
      await stage.send(batch)
      await stage.until(
        () => collector.deliveries.length === 6 && collector.out === 1,
        () => `${collector.deliveries.length} of 6 handed out`,
      )
      await stage.nothingMore(() => collector.deliveries.length, 'of the parked followers while their head is out')
      head.settle(release())
      await collectAll(stage, collector, 6)
      assert.deepEqual(
        collector.handled,
        batch.map((outgoing) => outgoing.message.id),
      )
      assert.equal(collector.of(headId)[1]?.ahead, true, 'the head does not say that its followers are parked')
    },
  },
  {
    id: 'parking-8',
    title: 'what is out of the parking lot when its member closes is in it again',
    proves:
      'A parked message that was handed out and not settled goes to the next owner at once, not counted as lost, and its key in order.',
    needs: ['parks', 'ordersByKey'],
    play: async (stage) => {
      const queue = await stage.queue()
      const first = new Collector()
      const held = new Held()
      const member = await stage.member()
      const put = first.receive('a', (delivery) => (delivery.parked === undefined ? park({ due: 0, attempts: 2 }) : held.decide(delivery)))
      await stage.subscribe(member, queue, put)
      const { batch, byKey } = keyed(stage, queue, 30, 3)
      await stage.send(batch)
      await stage.until(
        () => new Set(first.ids).size === 30 && held.count === 3,
        () => `${first.deliveries.length} handed out, ${held.count} of 3 heads out of the lot`,
      )
      await stage.close(member)
      const next = new Collector()
      await stage.subscribe(await stage.member(), queue, next.receive('b'))
      await collectAll(stage, next, 30)
      next.assertOrder(byKey)
      next.assertOnce()
      for (const { lost, parked } of next.deliveries) assert.deepEqual([lost, parked?.attempts], [0, 2])
    },
  },
]
