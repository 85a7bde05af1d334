import assert from 'node:assert/strict'
import { deadLetterChannel, invalidMessageChannel, serviceChannel } from '../../../channel/names.ts'
import type { Handlers } from '../../../contract/index.ts'
import type { Definition } from '../../definition.ts'
import { collectAll } from '../delivery.ts'
import { AppStage } from './app-stage.ts'
import { watch } from './failing.ts'
import type { Names } from './kitchen.ts'

/** Versions side by side, and messages that nobody can take. */
export const versionScenarios: readonly Definition[] = [
  {
    id: '19b',
    title: 'old and new instances run side by side',
    proves:
      'A command that the old version does not know is given back until the new one takes it; an event that it does not know is skipped and counted.',
    needs: ['durableGroups'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { names } = apps
      const baked: number[] = []
      await apps.kitchen({}, { unknownGrace: 20_000 })
      const client = await apps.client()
      const { kitchen } = client.app.clients({ kitchen: names.newKitchen })
      for (let n = 0; n < 10; n++) await kitchen.bake({ table: `t${n}`, n })
      const newer = await apps.app()
      await newer.serve(names.newKitchen, {
        cook: ({ reply }) => reply.Cooked({ n: 0 }),
        ring: () => {},
        loose: () => {},
        menu: ({ reply }) => reply.Menu({ n: 0 }),
        quote: ({ reply }) => reply.Quote({ n: 0 }),
        bake: ({ payload }) => void baked.push(payload.n),
      } as Handlers<Names['newKitchen']>)
      await stage.until(
        () => baked.length >= 10,
        () => `${baked.length} of 10 taken by the new version`,
        () => baked.length,
      )
      assert.deepEqual(
        baked.sort((a, b) => a - b),
        Array.from({ length: 10 }, (_, n) => n),
      )
    },
  },
  {
    id: '19d',
    title: 'a command that nobody ever knows ends in the invalid messages',
    proves: 'After its grace an unknown command goes aside with its reason, and what follows is handled.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      let rung = 0
      await apps.kitchen({ ring: () => void rung++ }, { unknownGrace: 200 })
      const channel = serviceChannel(apps.names.kitchen.name)
      const invalid = await watch(stage, invalidMessageChannel(channel))
      const unknown = stage.outgoing(channel, { key: 'a', fields: { type: 'nobodyKnows', kind: 'command' } })
      const known = stage.outgoing(channel, { key: 'a', body: '{"table":"a","n":1}', fields: { type: 'ring', kind: 'notification' } })
      await stage.send([unknown, known])
      await collectAll(stage, invalid, 1)
      assert.equal(invalid.deliveries[0]?.message.extensions.deadcode, 'UNKNOWN_MESSAGE')
      await stage.until(() => rung === 1, 'the command behind it is handled')
    },
  },
  {
    id: '19e',
    title: 'a message that kills its process each time ends in the dead letters',
    proves: 'After maxLosses its handler is not run again; its neighbours are handled.',
    needs: ['mortal', 'countsLosses'],
    timeout: 120_000,
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { kitchen } = await apps.client()
      const channel = serviceChannel(apps.names.kitchen.name)
      const dead = await watch(stage, deadLetterChannel(channel))
      const handled = new Set<number>()
      for (let n = 0; n < 10; n++) await kitchen.ring({ table: `t${n % 3}`, n })
      let deaths = 0
      for (let life = 0; life < 8 && dead.deliveries.length === 0; life++) {
        const mortal = await stage.mortal(false)
        const died: { yes: boolean } = { yes: false }
        const app = await apps.doomed(mortal, { maxLosses: 3 })
        const ring = async ({ payload }: { payload: { n: number } }) => {
          if (payload.n === 4) {
            died.yes = true
            deaths++
            await mortal.kill()
            await new Promise(() => {})
          }
          handled.add(payload.n)
        }
        // it may die before it has started
        await apps.kitchen({ ring }, {}, app).catch((error: unknown) => assert.ok(died.yes, String(error)))
        await stage.until(
          () => died.yes || dead.deliveries.length > 0,
          () => `life ${life}: ${handled.size} handled`,
          () => handled.size,
        )
        if (!died.yes)
          await stage.until(
            () => handled.size === 9,
            () => `${handled.size} of 9 neighbours handled`,
            () => handled.size,
          )
      }
      assert.equal(deaths, 3)
      assert.equal(handled.size, 9, 'the neighbours are handled')
      assert.equal(dead.deliveries[0]?.message.extensions.deadcode, 'PROCESS_KILLED')
    },
  },
]
