import assert from 'node:assert/strict'
import { deadLetterChannel, serviceChannel } from '../../../channel/names.ts'
import { type Handlers, on } from '../../../contract/index.ts'
import type { App } from '../../../service/app.ts'
import type { Definition } from '../../definition.ts'
import { assertSequence } from '../../samples.ts'
import { AppStage } from './app-stage.ts'
import { watch } from './failing.ts'
import type { Names } from './kitchen.ts'

/** Nodes that come and go. */
export const rollingScenarios: readonly Definition[] = [
  {
    id: '22',
    title: 'a rolling restart of five nodes under load',
    proves: 'Draining one node after the other loses nothing, doubles nothing and dead-letters nothing, and order per key holds.',
    timeout: 120_000,
    play: async (stage) => {
      const apps = new AppStage(stage)
      const effects: string[] = []
      const handlers: Partial<Handlers<Names['kitchen']>> = {
        ring: async ({ payload }) => {
          await stage.pause(1 + (payload.n % 4))
          effects.push(`${payload.table}:${payload.n}`)
        },
      }
      const dead = await watch(stage, deadLetterChannel(serviceChannel(apps.names.kitchen.name)))
      const start = async (): Promise<App> => (await apps.kitchen(handlers, { drain: '20s' })).app
      const nodes = await Promise.all(Array.from({ length: 5 }, start))
      const { kitchen } = await apps.client()
      let stop = false
      let sent = 0
      const load = (async () => {
        while (!stop) {
          await Promise.all(Array.from({ length: 12 }, (_, key) => kitchen.ring({ table: `t${key}`, n: sent })))
          sent++
          await stage.pause(5)
        }
      })()
      load.catch(() => {})
      for (const node of nodes) {
        await Promise.all([node.close(), start()])
        await stage.pause(50)
      }
      stop = true
      await load
      await stage.until(
        () => effects.length >= sent * 12,
        () => `${effects.length} of ${sent * 12} effects`,
        () => effects.length,
      )
      await stage.nothingMore(() => effects.length, 'effects')
      for (let key = 0; key < 12; key++) {
        const own = effects.filter((effect) => effect.startsWith(`t${key}:`)).map((effect) => Number(effect.split(':')[1]))
        const expected = Array.from({ length: sent }, (_, n) => n)
        assertSequence(own, expected, `key t${key}: in order, each once`)
      }
      assert.equal(dead.deliveries.length, 0, 'dead letters')
    },
  },
  {
    id: 'app-1',
    title: 'close waits for the handlers that run',
    proves: 'A handler that runs when its app closes ends, is acknowledged and is not run again elsewhere.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      let begun = 0
      let ended = 0
      const handlers = {
        ring: async () => {
          begun++
          await stage.pause(150)
          ended++
        },
      }
      const first = await apps.kitchen(handlers, { drain: '20s' })
      const { kitchen } = await apps.client()
      for (let n = 0; n < 5; n++) await kitchen.ring({ table: `t${n}`, n })
      await stage.until(
        () => begun === 5,
        () => `${begun} of 5 begun`,
      )
      await first.app.close()
      assert.equal(ended, 5, 'close returned before the handlers that ran had ended')
      await apps.kitchen(handlers)
      await stage.nothingMore(() => begun, 'run again')
    },
  },
  {
    id: 'app-2',
    title: 'events reach every subscribing service, and nobody else publishes them',
    proves: 'Each service that subscribes gets every event once, in order of its key, whoever else does.',
    needs: ['durableGroups'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { names } = apps
      const { service } = await apps.kitchen({})
      const seen = { one: [] as number[], two: [] as number[] }
      for (const name of ['one', 'two'] as const) {
        const app = await apps.app()
        const subscription = on(names.kitchen.events[names.dish], { Served: ({ payload }) => void seen[name].push(payload.n) })
        await app.serve(
          names.waiter,
          { start: () => {}, replies: { cook: { Cooked: () => {}, SoldOut: () => {} } }, on: [subscription] },
          { as: `${stage.prefix}-${name}` },
        )
      }
      for (let n = 0; n < 50; n++) await service.publish[names.dish].Served('one-key', { table: 'x', n })
      await service.publish[names.dish].Burnt('one-key', { table: 'x', n: 0 })
      await stage.until(
        () => seen.one.length >= 50 && seen.two.length >= 50,
        () => `${seen.one.length} and ${seen.two.length} of 50`,
      )
      const all = Array.from({ length: 50 }, (_, n) => n)
      assert.deepEqual(seen, { one: all, two: all })
    },
  },
]
