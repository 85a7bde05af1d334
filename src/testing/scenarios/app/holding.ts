import assert from 'node:assert/strict'
import type { Definition } from '../../definition.ts'
import { AppStage, Gate } from './app-stage.ts'

/** Order per key while a handler runs, fails, or waits. */
export const holdingScenarios: readonly Definition[] = [
  {
    id: '6',
    title: 'an unsettled message blocks the next of its key and nothing else',
    proves:
      'Handlers of one key run one at a time in order; other keys and unkeyed messages go on meanwhile; after settlement the next comes.',
    needs: ['ordersByKey'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const gate = new Gate()
      const seen: string[] = []
      await apps.kitchen({
        ring: async ({ payload }) => {
          seen.push(`${payload.table}${payload.n}`)
          if (payload.table === 'slow' && payload.n === 0) await gate.opened
        },
        loose: ({ payload }) => void seen.push(`loose${payload.n}`),
      })
      const { kitchen } = await apps.client()
      for (let n = 0; n < 5; n++) await kitchen.ring({ table: 'slow', n })
      for (let n = 0; n < 20; n++) await Promise.all([kitchen.ring({ table: `other-${n % 5}-`, n }), kitchen.loose({ table: 'x', n })])
      await stage.until(
        () => seen.length === 41,
        () => `${seen.length} of 41 handled while one key waits`,
      )
      await stage.nothingMore(() => seen.length, 'of the key that waits')
      gate.open()
      await stage.until(
        () => seen.length === 45,
        () => `${seen.length} of 45 handled`,
      )
      assert.deepEqual(
        seen.filter((what) => what.startsWith('slow')),
        [0, 1, 2, 3, 4].map((n) => `slow${n}`),
      )
    },
  },
  {
    id: '6b',
    title: 'a failing key with ten times more followers than may be in flight',
    proves: 'The key is parked, other keys flow, and after a change of owner the rest follows in order when the head succeeds.',
    needs: ['ordersByKey', 'parks'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const policy = { maxMessages: 10, maxFollowers: 5, holdFor: 50, retry: { attempts: 1000, delay: 300, maxDelay: 300 } }
      const seen: string[] = []
      let healthy = false
      const handlers = {
        ring: ({ payload }: { payload: { table: string; n: number } }) => {
          if (payload.table === 'bad' && !healthy) throw new Error('the bell is broken')
          seen.push(`${payload.table}-${payload.n}`)
        },
      }
      const first = await apps.kitchen(handlers, policy)
      const { kitchen } = await apps.client()
      await Promise.all(Array.from({ length: 100 }, (_, n) => kitchen.ring({ table: 'bad', n })))
      await Promise.all(Array.from({ length: 200 }, (_, n) => kitchen.ring({ table: `k${n % 20}`, n })))
      await stage.until(
        () => seen.length === 200,
        () => `${seen.length} of 200 of other keys`,
        () => seen.length,
      )
      await first.app.close()
      // what comes now must wait behind what is parked, which the new owner is told of before the parked head is due
      for (let n = 100; n < 120; n++) await kitchen.ring({ table: 'bad', n })
      await kitchen.ring({ table: 'k0', n: 200 })
      healthy = true
      await apps.kitchen(handlers, policy)
      await stage.until(
        () => seen.length >= 321,
        () => `${seen.length} of 321 handled`,
        () => seen.length,
      )
      assert.deepEqual(
        seen.filter((what) => what.startsWith('bad')),
        Array.from({ length: 120 }, (_, n) => `bad-${n}`),
      )
    },
  },
  {
    id: '6c',
    title: 'attempts are counted through parking and a change of owner',
    proves: 'The count of attempts rises by one each time, in memory and in the parking lot, and survives a restart of the consumer.',
    needs: ['parks'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const policy = { holdFor: 0, maxFollowers: 0, retry: { attempts: 1000, delay: 30, maxDelay: 30, jitter: 0 } }
      const attempts: number[] = []
      const handlers = {
        ring: ({ attempt }: { attempt: number }) => {
          attempts.push(attempt)
          throw new Error('never')
        },
      }
      const first = await apps.kitchen(handlers, policy)
      const { kitchen } = await apps.client()
      await kitchen.ring({ table: 'a', n: 1 })
      await stage.until(
        () => attempts.length >= 3,
        () => `attempts ${attempts}`,
      )
      await first.app.close()
      const before = attempts.length
      await apps.kitchen(handlers, policy)
      await stage.until(
        () => attempts.length >= before + 3,
        () => `attempts ${attempts}`,
      )
      assert.deepEqual(
        attempts,
        attempts.map((_, index) => index + 1),
      )
    },
  },
  {
    id: '21',
    title: 'concurrency raised and lowered while running',
    proves: 'setConcurrency holds from now on: no more handlers run at once than it says.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const sent = 200
      const running: (() => void)[] = []
      let highest = 0
      let handled = 0
      let held = true
      const { service } = await apps.kitchen(
        {
          // Each waits until it is let go: how many run at once hangs on no clock and on no backlog.
          loose: async () => {
            if (held) {
              const letGo = new Promise<void>((resolve) => running.push(resolve))
              highest = Math.max(highest, running.length)
              await letGo
            }
            handled++
          },
        },
        { concurrency: 4 },
      )
      const { kitchen } = await apps.client()
      await Promise.all(Array.from({ length: sent }, (_, n) => kitchen.loose({ table: 'x', n })))
      /** Until `count` run at once, and then no more than that do. */
      const reaches = async (count: number) => {
        await stage.until(
          () => running.length >= count,
          () => `${running.length} run at once of ${count} allowed`,
          () => handled,
        )
        await stage.pause(30)
        assert.equal(highest, count, `${highest} ran at once, ${count} were allowed`)
      }
      /** One by one, `count` that run, each before the next. */
      const letGo = async (count: number) => {
        for (const goal = handled + count; handled < goal; ) {
          const before = handled
          await stage.until(
            () => running.length > 0,
            () => `${handled} of ${goal} handled, and none runs`,
          )
          running.shift()?.()
          await stage.until(
            () => handled > before,
            () => `${handled} of ${goal} handled`,
          )
        }
      }
      await reaches(4)
      await letGo(20)
      await reaches(4)
      service.setConcurrency(32)
      await reaches(32)
      service.setConcurrency(2)
      await letGo(32)
      highest = running.length
      await letGo(20)
      await reaches(2)
      service.setConcurrency(32)
      held = false
      for (const letGo of running) letGo()
      await stage.until(
        () => handled === sent,
        () => `${handled} of ${sent} handled`,
        () => handled,
      )
    },
  },
]
