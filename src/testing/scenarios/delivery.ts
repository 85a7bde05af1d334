import assert from 'node:assert/strict'
import type { Receive } from '../../transport/seam.ts'
import { Collector, done, release } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertOnce, assertSame } from '../samples.ts'
import type { Stage } from '../stage.ts'

/** What is sent arrives: whole, in the end, and after whatever consumers do. */
export const deliveryScenarios: readonly Definition[] = [
  {
    id: '1',
    title: 'a hundred messages sent before anybody subscribed arrive whole',
    proves:
      'A point-to-point channel keeps what was sent; ids, attributes, headers and bodies come as they were sent; after close nothing comes.',
    play: async (stage) => {
      const queue = await stage.queue()
      const batch = stage.batch(queue, 100, (n) => ({
        key: n % 3 === 0 ? undefined : `k${n % 7}`,
        headers: { 'X-Number': `${n}`, empty: '' },
        fields: {
          correlationId: `c${n}`,
          causationId: `d${n}`,
          replyTo: 'reply.someone',
          version: n + 1,
          extensions: { traceparent: `t${n}` },
        },
      }))
      await stage.send(batch)
      const collector = new Collector()
      const subscription = await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      await collectAll(stage, collector, 100)
      for (const { message } of batch) assertSame(collector.of(message.id)[0]?.message ?? message, message)
      collector.assertAll(batch.map((outgoing) => outgoing.message.id))
      collector.assertOnce()
      await subscription.close()
      await stage.send(stage.batch(queue, 10))
      await stage.nothingMore(() => collector.deliveries.length, 'after close')
    },
  },
  {
    id: '2',
    title: '5,000 messages from 50 producers to 50 competing consumers',
    proves: 'When nothing fails, each message reaches exactly one consumer of the group, exactly once.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const consumers = await stage.members(10)
      await Promise.all(
        consumers.flatMap((member, m) => [0, 1, 2, 3, 4].map((n) => stage.subscribe(member, queue, collector.receive(`${m}/${n}`)))),
      )
      const producers = await stage.members(5)
      const sent: string[] = []
      const produce = async (producer: number) => {
        for (let n = 0; n < 10; n++) {
          const batch = stage.batch(queue, 10, (i) => ({ key: i % 2 === 0 ? `k${producer}-${i}` : undefined }))
          await stage.send(batch, producers[producer % 5])
          sent.push(...batch.map((outgoing) => outgoing.message.id))
        }
      }
      await Promise.all(Array.from({ length: 50 }, (_, producer) => produce(producer)))
      await collectAll(stage, collector, 5000)
      collector.assertAll(sent)
      collector.assertOnce()
      collector.assertExclusive()
      await stage.nothingMore(() => collector.deliveries.length, 'when all were there')
    },
  },
  {
    id: '3',
    title: 'twenty channels at once, the same hundred ids in each',
    proves: 'Every channel delivers its own messages, and only those.',
    play: async (stage) => {
      const one = async (index: number) => {
        const queue = await stage.queue(`q${index}`)
        const collector = new Collector()
        await stage.subscribe(stage.sender, queue, collector.receive('a'))
        const batch = stage.batch(queue, 100, (n) => ({ id: `same-${n}`, body: `${index}` }))
        await stage.send(batch)
        await collectAll(stage, collector, 100)
        collector.assertAll(batch.map((outgoing) => outgoing.message.id))
        for (const { message } of collector.deliveries) assert.equal(Buffer.from(message.body).toString(), `${index}`)
        collector.assertOnce()
      }
      await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)))
    },
  },
  {
    id: '5',
    title: 'what is given back or fails comes again until it is handled',
    proves: 'A release, and a rejection of the receiver, redeliver the message; nothing else of the channel is lost by it.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      await stage.subscribe(
        stage.sender,
        queue,
        collector.receive('a', ({ message }) => {
          const times = collector.of(message.id).length
          if (times === 1) throw new Error('the first time fails')
          return times === 2 ? release() : done()
        }),
      )
      const batch = stage.batch(queue, 100, (n) => ({ key: n % 2 === 0 ? `k${n % 5}` : undefined }))
      await stage.send(batch)
      await collectAll(stage, collector, 100)
      for (const { message } of batch) assert.equal(collector.of(message.id).length, 3, `${message.id}: three deliveries`)
      await stage.nothingMore(() => collector.deliveries.length, 'when all were handled')
    },
  },
  {
    id: '9',
    title: 'three consumers fail everything a hundred times, then a healthy one gets all',
    proves: 'However often a message is given back, it is not dropped.',
    play: async (stage) => {
      const queue = await stage.queue()
      const failing = new Collector()
      const members = await stage.members(3)
      const bad = await Promise.all(
        members.map((member, n) =>
          stage.subscribe(
            member,
            queue,
            failing.receive(`bad${n}`, () => release()),
          ),
        ),
      )
      const batch = stage.batch(queue, 20, (n) => ({ key: n % 2 === 0 ? `k${n}` : undefined }))
      await stage.send(batch)
      await stage.until(
        () => failing.deliveries.length >= 2000,
        () => `${failing.deliveries.length} of 2,000 failed deliveries`,
        () => failing.deliveries.length,
      )
      const healthy = new Collector()
      await stage.subscribe(stage.sender, queue, healthy.receive('good'))
      await Promise.all(bad.map((subscription) => subscription.close()))
      await collectAll(stage, healthy, 20)
      healthy.assertAll(batch.map((outgoing) => outgoing.message.id))
    },
  },
  {
    id: 'delivery-1',
    title: 'a steady trickle is not held back',
    proves: 'Nothing waits for a pause: while one message follows the other, each is acknowledged and arrives promptly.',
    play: async (stage) => {
      const queue = await stage.queue()
      const sentAt = new Map<string, number>()
      const sending: number[] = []
      const travelling: number[] = []
      const now = () => stage.runtime.monotonic()
      const collector = new Collector()
      const receive = collector.receive('a', ({ message }) => {
        travelling.push(now() - (sentAt.get(message.id) ?? 0))
        return done()
      })
      await stage.subscribe(await stage.member(), queue, receive)
      const one = async () => {
        const outgoing = stage.outgoing(queue)
        const from = now()
        sentAt.set(outgoing.message.id, from)
        await stage.send([outgoing])
        sending.push(now() - from)
      }
      const all: Promise<void>[] = []
      for (let n = 0; n < 400; n++) {
        const sent = one()
        // one that fails is told of when all of them are looked at
        sent.catch(() => {})
        all.push(sent)
        await stage.pause(4)
      }
      await Promise.all(all)
      await collectAll(stage, collector, 400)
      // a timer that starts anew with every message would hold them all until the end
      for (const [what, times] of Object.entries({ sending, travelling })) {
        const median = times.sort((a, b) => a - b)[200] ?? 0
        assert.ok(median < 500, `${what} took ${Math.round(median)} ms in the median`)
      }
    },
  },
  {
    id: 'delivery-2',
    title: 'what is given back at once leaves everything else its turn',
    proves: 'A lone consumer that gives back what it is handed, at once and each time, keeps neither timers nor other messages waiting.',
    play: async (stage) => {
      const queue = await stage.queue()
      const taken: string[] = []
      const begun = stage.runtime.monotonic()
      let given = 0
      let over = false
      let stuck = false
      const receive: Receive = ({ message }) => {
        // nothing else would ever end this where the promise is broken
        if (stage.runtime.monotonic() - begun > stage.patience) stuck = over = true
        if (message.key === 'bad' && !over) {
          given++
          return release()
        }
        taken.push(message.id)
        return done()
      }
      await stage.subscribe(await stage.member(), queue, receive)
      await stage.send([stage.outgoing(queue, { key: 'bad' })])
      await stage.until(
        () => given > 10,
        () => `given back ${given} times`,
        () => given,
      )
      const good = stage.batch(queue, 20, (n) => ({ key: `k${n}` }))
      await stage.send(good)
      await stage.until(
        () => taken.length >= 20,
        () => `${taken.length} of 20 others`,
        () => taken.length,
      )
      over = true
      await stage.until(
        () => taken.length === 21,
        () => `${taken.length} of 21 taken`,
      )
      assert.ok(!stuck, 'nothing else happened while a message was given back again and again')
      assertOnce(taken, 'taken')
    },
  },
]

/** Until so many were acknowledged. */
export const collectAll = (stage: Stage, collector: Collector, count: number): Promise<void> =>
  stage.until(
    () => collector.handled.length >= count,
    () => `${collector.handled.length} of ${count} handled`,
    () => collector.handled.length,
  )
