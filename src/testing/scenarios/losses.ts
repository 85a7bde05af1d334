import assert from 'node:assert/strict'
import { Collector, done, Held } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { collectAll } from './delivery.ts'

/** Messages that were out when their process died are counted, and a killer is found. */
export const lossScenarios: readonly Definition[] = [
  {
    id: 'losses-1',
    title: 'what was out when a process died comes again, counted, one at a time',
    proves:
      'Deliveries of a killed member come with lost 1, one suspect at a time; what was not handed out, or was settled, is not counted.',
    needs: ['mortal', 'countsLosses'],
    play: async (stage) => {
      const queue = await stage.queue()
      const mortal = await stage.mortal()
      const first = new Collector()
      const held = new Held()
      const batch = stage.batch(queue, 30, (n) => ({ key: n % 2 === 0 ? `k${n}` : undefined }))
      let count = 0
      const decide = first.receive('mortal', (delivery) => (++count <= 10 ? done() : held.decide(delivery)))
      await stage.subscribe(mortal.transport, queue, decide, { maxMessages: 10 })
      await stage.send(batch)
      await stage.until(
        () => held.count === 10 && first.handled.length === 10,
        () => `${first.deliveries.length} of 20 handed out`,
      )
      await stage.pause(stage.quiet)
      await mortal.kill()
      const suspects = new Set(first.ids.slice(10))
      const untouched = batch.map((outgoing) => outgoing.message.id).filter((id) => !first.ids.includes(id))
      const next = new Collector()
      let out = 0
      let highest = 0
      const slow = next.receive('heir', async (delivery) => {
        if (delivery.lost === 0) return done()
        highest = Math.max(highest, ++out)
        await stage.pause(3)
        out--
        return done()
      })
      await stage.subscribe(await stage.member(), queue, slow)
      await stage.until(
        () => [...suspects, ...untouched].every((id) => next.handled.includes(id)),
        () => `${next.handled.length} of 20 redelivered`,
      )
      for (const id of suspects) assert.equal(next.of(id)[0]?.lost, 1, `${id} was out when its process died`)
      for (const id of untouched) assert.equal(next.of(id)[0]?.lost, 0, `${id} was never handed out`)
      assert.equal(highest, 1, 'more than one suspect was out at a time')
    },
  },
  {
    id: '19c',
    title: 'a message that kills its process each time is counted alone',
    proves: 'After the first death suspects come alone, so that only the killer is counted again; its neighbours are handled.',
    needs: ['mortal', 'countsLosses'],
    timeout: 90_000,
    play: async (stage) => {
      const queue = await stage.queue()
      const batch = stage.batch(queue, 12, (n) => ({ key: n % 3 === 0 ? undefined : `k${n}` }))
      const killer = batch[5]?.message.id ?? ''
      const lost = new Map<string, number>()
      const handled = new Set<string>()
      const sending = stage.send(batch)
      for (let life = 1; life <= 4; life++) {
        const mortal = await stage.mortal()
        const collector = new Collector()
        const held = new Held()
        const receive = collector.receive(`life ${life}`, async (delivery) => {
          lost.set(delivery.message.id, delivery.lost)
          // the killer's process dies while whatever else is out is not settled either
          if (delivery.message.id === killer && life < 4) return held.decide(delivery)
          await stage.pause(30)
          if (collector.of(killer).length > 0 && life < 4) return held.decide(delivery)
          return done()
        })
        await stage.subscribe(mortal.transport, queue, receive, { maxMessages: 50 })
        await sending
        if (life === 4) await collectAll(stage, collector, batch.length - handled.size)
        else await stage.until(() => collector.of(killer).length > 0, `the killer comes in life ${life}`)
        await stage.pause(60)
        for (const id of collector.handled) handled.add(id)
        await mortal.kill()
      }
      assert.equal(handled.size, batch.length, 'all were handled in the end')
      assert.equal(lost.get(killer), 3)
      for (const [id, count] of lost)
        if (id !== killer) assert.ok(count <= 1, `${id}, a neighbour of the killer, was counted ${count} times`)
    },
  },
]
