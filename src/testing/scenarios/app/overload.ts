import assert from 'node:assert/strict'
import type { App } from '../../../service/app.ts'
import type { Definition } from '../../definition.ts'
import { assertSequence } from '../../samples.ts'
import type { Stage } from '../../stage.ts'
import { wrap } from '../../wrap.ts'
import { AppStage } from './app-stage.ts'

const consumers = 2
const concurrency = 2
const maxMessages = 25
const handling = 40
/** Twice what the consumers can do, in messages a second. */
const pace = 2 * consumers * concurrency * (1000 / handling)
const keys = 37

/** More work than can be done. */
export const overloadScenarios: readonly Definition[] = [
  {
    id: '20',
    title: 'consumers that are given twice what they can do',
    proves: 'For as long as it lasts, what is in hand is bounded, nothing is redelivered, released or parked, and no shard changes hands.',
    timeout: 300_000,
    play: async (stage) => {
      const apps = new AppStage(stage)
      const seen: { table: string; n: number }[] = []
      const given = new Map<string, number>()
      const all: Consumer[] = []
      for (let n = 0; n < consumers; n++) {
        const consumer = await overloaded(stage, apps, given)
        await apps.kitchen(
          {
            ring: async ({ payload }) => {
              await stage.pause(handling)
              seen.push(payload)
            },
          },
          {},
          consumer.app,
        )
        all.push(consumer)
      }
      const { kitchen } = await apps.client()
      let sent = 0
      const send = (count: number) =>
        Promise.all(Array.from({ length: count }, () => kitchen.ring({ table: `t${sent % keys}`, n: sent++ })))
      // shards change hands while the consumers join, and no longer when all of them are given work
      for (let round = 0; round === 0 || all.some(({ highest }) => highest === 0); round++) {
        assert.ok(round < 100, 'a consumer was given nothing')
        await send(keys)
        await stage.until(
          () => seen.length === sent,
          () => `${seen.length} of ${sent} handled before the load`,
          () => seen.length,
        )
      }
      await stage.settled(() => all.map(({ assigned }) => assigned).join())
      const before = all.map(churn)
      given.clear()
      const [sentBefore, seenBefore] = [sent, seen.length]
      const start = stage.runtime.monotonic()
      let inHand = 0
      for (let elapsed = 0; elapsed < stage.overload; elapsed = stage.runtime.monotonic() - start) {
        await send(Math.ceil((elapsed / 1000) * pace) - (sent - sentBefore))
        await stage.pause(10)
        for (const { app } of all) {
          const { running, waiting } = app.health().services[apps.names.kitchen.name] ?? { running: 0, waiting: 0 }
          inHand = Math.max(inHand, running + waiting)
        }
      }
      const [more, handled] = [sent - sentBefore, seen.length - seenBefore]
      assert.ok(more > handled * 1.5, `the consumers were not overloaded: ${more} sent, ${handled} handled`)
      for (const [at, consumer] of all.entries()) {
        const { highest } = consumer
        assert.ok(highest <= maxMessages, `${highest} messages were out at once, ${maxMessages} were allowed`)
        assert.deepEqual(churn(consumer), before[at], 'shards changed hands, or messages were given back or parked')
      }
      assert.ok(inHand <= maxMessages, `${inHand} messages were in hand at once, ${maxMessages} may be`)
      for (const [id, times] of given) assert.equal(times, 1, `${id} was delivered ${times} times`)
      // what is in hand when this ends is on top of what was handled
      assert.ok(given.size - handled <= consumers * maxMessages, `${given.size} were given, ${handled} handled`)
      for (let key = 0; stage.capabilities.ordersByKey && key < keys; key++) {
        const order = seen.filter(({ table }) => table === `t${key}`).map(({ n }) => n)
        const expected = order.map((_, at) => key + at * keys)
        assertSequence(order, expected, `key t${key}: in order, none left out`)
      }
    },
  },
]

interface Consumer {
  readonly app: App
  readonly highest: number
  /** How often it became the owner of a shard, and was asked to give one away. */
  readonly assigned: number
  readonly revoked: number
}

/** What should stay as it is however much there is to do. */
function churn({ app, assigned, revoked }: Consumer) {
  const { released, parked, failedAttempts } = app.counters()
  return { assigned, revoked, released, parked, failedAttempts }
}

/** An app with room for little, which counts what it is given. */
async function overloaded(stage: Stage, apps: AppStage, given: Map<string, number>): Promise<Consumer> {
  const transport = await stage.unopened()
  const counts = { highest: 0, assigned: 0, revoked: 0 }
  let out = 0
  const counting = wrap(transport, {
    subscribe: (channel, options, receive) => {
      const assigned = (shard: string, parked: ReadonlyMap<string, number>) => {
        counts.assigned++
        options.assigned?.(shard, parked)
      }
      const revoking = (shard: string) => {
        counts.revoked++
        options.revoking?.(shard)
      }
      return transport.subscribe(channel, { ...options, assigned, revoking }, async (delivery) => {
        const { id } = delivery.message
        given.set(id, (given.get(id) ?? 0) + 1)
        counts.highest = Math.max(counts.highest, ++out)
        try {
          return await receive(delivery)
        } finally {
          out--
        }
      })
    },
  })
  const app = await apps.app({ concurrency, maxMessages }, counting)
  return {
    app,
    get highest() {
      return counts.highest
    },
    get assigned() {
      return counts.assigned
    },
    get revoked() {
      return counts.revoked
    },
  }
}
