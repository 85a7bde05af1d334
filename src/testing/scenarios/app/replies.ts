import assert from 'node:assert/strict'
import { serviceChannel } from '../../../channel/names.ts'
import { isPabalError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { Collector } from '../../collector.ts'
import type { Definition } from '../../definition.ts'
import { collectAll } from '../delivery.ts'
import { AppStage, Gate } from './app-stage.ts'

/** Replies after a restart, no replies at all, replies by other clocks, and the same again. */
export const replyScenarios: readonly Definition[] = [
  {
    id: '28',
    title: 'the requester restarts between request and reply',
    proves: 'The reply to a command that was sent reaches its handler in the next life of the service, with the context that was given.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const gate = new Gate()
      await apps.kitchen({
        cook: async ({ payload, reply }) => {
          await gate.opened
          return payload.n % 2 === 0 ? reply.Cooked({ n: payload.n }) : reply.SoldOut({ n: payload.n })
        },
      })
      const early: unknown[] = []
      const first = await apps.waiter((n, guest) => void early.push([n, guest]))
      for (let n = 0; n < 20; n++) await first.service.call.cook.send({ table: `t${n}`, n }, { context: { guest: `guest ${n}` } })
      await first.app.close()
      gate.open()
      await stage.pause(stage.quiet)
      const late = new Map<number, string>()
      await apps.waiter((n, guest) => void late.set(n, guest))
      await stage.until(
        () => late.size === 20,
        () => `${late.size} of 20 replies after the restart`,
        () => late.size,
      )
      for (const [n, guest] of late) assert.equal(guest, `guest ${n}`)
      assert.deepEqual(early, [])
    },
  },
  {
    id: '29',
    title: 'a notification has no reply channel on the wire',
    proves: 'A one-way message carries no reply address and no correlation to wait for; a command does.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { kitchen } = await apps.client()
      const raw = new Collector()
      const channel = serviceChannel(apps.names.kitchen.name)
      await stage.sender.provision([channel], 'create')
      await stage.subscribe(stage.sender, channel, raw.receive('wire'))
      await kitchen.ring({ table: 'a', n: 1 })
      await kitchen.cook({ table: 'a', n: 2 }, { within: '50ms' }).catch(() => {})
      await collectAll(stage, raw, 2)
      const [ring, cook] = raw.deliveries.map((delivery) => delivery.message)
      assert.deepEqual([ring?.type, ring?.kind, ring?.replyTo], ['ring', 'notification', undefined])
      assert.deepEqual([cook?.type, cook?.kind], ['cook', 'command'])
      assert.match(cook?.replyTo ?? '', /^(inbox|reply)\./)
    },
  },
  {
    id: '31b',
    title: 'a handler that runs twice sends the same ids twice',
    proves: 'Ids of what a handler sends follow from the message that it handles, so that every receiver can tell a second time.',
    needs: ['mortal'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const published = new Collector()
      const topic = { address: apps.names.dish, kind: 'publish-subscribe' } as const
      await stage.sender.provision([topic], 'create')
      await stage.subscribe(stage.sender, topic, published.receive('watcher'))
      const { kitchen } = await apps.client()
      let runs = 0
      const mortal = await stage.mortal(false)
      const ring = (die: boolean) => ({
        ring: async ({ payload, publish }: { payload: { table: string; n: number }; publish: Record<string, never> }) => {
          runs++
          const events = (publish as never)[apps.names.dish] as { Served(key: string, payload: unknown, options: object): Promise<unknown> }
          for (let n = 0; n < 3; n++) await events.Served(`key ${n}`, payload, { immediate: true })
          if (!die) return
          await mortal.kill()
          await new Promise(() => {})
        },
      })
      await apps.kitchen(ring(true) as never, {}, await apps.doomed(mortal))
      await kitchen.ring({ table: 'a', n: 1 })
      await stage.until(
        () => runs === 1 && published.deliveries.length === 3,
        () => `${published.deliveries.length} of 3 sent by the first run`,
      )
      await apps.kitchen(ring(false) as never)
      await stage.until(
        () => runs === 2 && published.deliveries.length === 6,
        () => `${published.deliveries.length} of 6 sent by two runs`,
      )
      const ids = published.ids
      assert.equal(new Set(ids).size, 3, 'three sends of one run have three ids')
      assert.deepEqual(ids.slice(3).sort(), ids.slice(0, 3).sort(), 'the second run sent other ids')
    },
  },
  {
    id: '32',
    title: 'clocks an hour apart',
    proves: 'No request expires early and none lives for ever because the clocks of two processes differ.',
    play: async (stage) => {
      const shifted = (ms: number): Runtime => ({ ...stage.runtime, now: () => stage.runtime.now() + ms })
      const hour = 3_600_000
      for (const [asker, responder] of [
        [hour, -hour],
        [-hour, hour],
      ] as const) {
        const apps = new AppStage(stage)
        const gate = new Gate()
        const left: (number | undefined)[] = []
        const kitchen = await apps.kitchen(
          {
            menu: async ({ payload, reply, remaining }) => {
              left.push(remaining())
              if (payload.n === 2) await gate.opened
              return reply.Menu({ n: payload.n })
            },
            cook: ({ payload, reply, remaining }) => {
              left.push(remaining())
              return reply.Cooked({ n: payload.n })
            },
          },
          { runtime: shifted(responder) },
        )
        const client = await apps.client({ runtime: shifted(asker), within: '5s' })
        assert.equal((await client.kitchen.menu({ table: 'a', n: 1 })).payload.n, 1)
        assert.equal((await client.kitchen.cook({ table: 'a', n: 1 })).payload.n, 1)
        for (const ms of left) assert.ok(ms !== undefined && ms > 3000 && ms <= 5000, `${ms} ms of 5,000 were left`)
        const late = await client.kitchen.menu({ table: 'a', n: 2 }, { within: '200ms' }).catch((error: unknown) => error)
        assert.ok(isPabalError(late, 'TIMEOUT'))
        gate.open()
        await Promise.all([client.app.close(), kitchen.app.close()])
      }
    },
  },
]
