import assert from 'node:assert/strict'
import type { Definition } from '../../definition.ts'
import { AppStage } from './app-stage.ts'

/** What a person does about failed messages, and the order that holds all the same. */
export const redriveScenarios: readonly Definition[] = [
  {
    id: '18b',
    title: 'a key that waits for a person is redriven in order',
    proves:
      'With atEnd park the key stops when its attempts are spent; redriven, edited or skipped, the head lets the rest follow in order.',
    needs: ['parks', 'admin', 'ordersByKey'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const seen: string[] = []
      let broken = true
      const handlers = {
        ring: ({ payload }: { payload: { table: string; n: number } }) => {
          if (payload.table !== 'other' && payload.n === 0 && broken) throw new Error('broken')
          seen.push(`${payload.table}${payload.n}`)
        },
      }
      const { app } = await apps.kitchen(handlers, { atEnd: 'park', holdFor: 20, retry: { attempts: 3, delay: 10 } })
      const { kitchen } = await apps.client()
      for (let n = 0; n < 5; n++) for (const table of ['again', 'skipped', 'edited', 'other']) await kitchen.ring({ table, n })
      await stage.until(
        () => seen.length === 5,
        () => `${seen.length} of the healthy key`,
      )
      await stage.nothingMore(() => seen.length, 'of keys that wait for a person')
      const place = { channel: apps.names.kitchen.name }
      const heads: string[] = []
      for await (const { message, follows, attempts } of app.parked.list(place)) {
        if (follows) continue
        assert.equal(attempts, 3)
        heads.push(message.key ?? '')
      }
      assert.deepEqual(heads.sort(), ['again', 'edited', 'skipped'])
      broken = false
      const body = new TextEncoder().encode(JSON.stringify({ table: 'edited', n: 99 }))
      const treated = [
        await app.parked.redrive(place, { key: 'again' }),
        await app.parked.redrive(place, { key: 'edited' }, { edit: ({ message }) => (message.key === 'edited' ? { body } : undefined) }),
        await app.parked.skip(place, { key: 'skipped' }),
      ]
      for (const { done, gone } of treated) assert.deepEqual([done, gone], [1, 0])
      await stage.until(
        () => seen.length === 19,
        () => `${seen.length} of 19 after the redrive`,
        () => seen.length,
      )
      const of = (table: string) => seen.filter((what) => what.startsWith(table)).map((what) => what.slice(table.length))
      assert.deepEqual(
        [of('again'), of('edited'), of('skipped')],
        [
          ['0', '1', '2', '3', '4'],
          ['99', '1', '2', '3', '4'],
          ['1', '2', '3', '4'],
        ],
      )
    },
  },
  {
    id: '18c',
    title: 'dead letters are redriven in order for their key',
    proves:
      'Redriven dead letters are handled as they were before they died, attempts counted anew, those of a key in their order; nothing is left.',
    needs: ['parks', 'admin', 'ordersByKey'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const seen: string[] = []
      let broken = true
      const extensions: string[] = []
      const { app } = await apps.kitchen(
        {
          ring: ({ payload, message, attempt }) => {
            if (broken && payload.n % 2 === 0) throw new Error('broken')
            if (payload.n % 2 === 0) assert.equal(attempt, 1)
            seen.push(`${payload.table}${payload.n}`)
            extensions.push(...Object.keys(message.extensions))
          },
        },
        { retry: { attempts: 2, delay: 5 } },
      )
      const { kitchen } = await apps.client()
      const channel = { channel: apps.names.kitchen.name }
      for (let n = 0; n < 10; n++) for (const table of ['a', 'b']) await kitchen.ring({ table, n })
      const dead = async () => {
        const ids: string[] = []
        for await (const letter of app.deadLetters.list(channel)) ids.push(letter.message.id)
        return ids.length
      }
      await stage.until(
        () => seen.length === 10,
        () => `${seen.length} of 10 that can be handled`,
      )
      for (let tries = 0; (await dead()) < 10 && tries < 200; tries++) await stage.pause(20)
      assert.equal(await dead(), 10)
      broken = false
      assert.equal((await app.deadLetters.redrive(channel, { code: 'ATTEMPTS_SPENT' })).done, 10)
      await stage.until(
        () => seen.length === 20,
        () => `${seen.length} of 20 after the redrive`,
        () => seen.length,
      )
      const again = seen.slice(10)
      for (const table of ['a', 'b'])
        assert.deepEqual(
          again.filter((what) => what.startsWith(table)),
          [0, 2, 4, 6, 8].map((n) => `${table}${n}`),
        )
      assert.deepEqual(
        extensions.filter((name) => name.startsWith('dead')),
        [],
        'what is redriven is no dead letter any more',
      )
      assert.equal(await dead(), 0)
    },
  },
]
