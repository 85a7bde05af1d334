import assert from 'node:assert/strict'
import { isPabalError } from '../../../errors.ts'
import type { Definition } from '../../definition.ts'
import { AppStage, Gate } from './app-stage.ts'

/** Request/response, over any transport. */
export const requestScenarios: readonly Definition[] = [
  {
    id: '27',
    title: 'every request gets its own reply, 10,000 in flight',
    proves: 'Replies are matched to their requests, for commands and queries, whatever the order in which they come.',
    timeout: 180_000,
    play: async (stage) => {
      const apps = new AppStage(stage)
      await apps.kitchen({
        cook: async ({ payload, reply }) => {
          if (payload.n % 100 === 0) await stage.pause(5)
          return payload.n % 2 === 0 ? reply.Cooked({ n: payload.n }) : reply.SoldOut({ n: payload.n })
        },
      })
      const { kitchen } = await apps.client({ within: '120s' })
      const ask = async (n: number) => {
        const order = { table: `t${n % 50}`, n }
        const outcome = n % 4 < 2 ? await kitchen.cook(order) : await kitchen.menu(order)
        assert.equal(outcome.payload.n, n)
        if (n % 4 < 2) assert.deepEqual([outcome.type, outcome.failure], n % 2 === 0 ? ['Cooked', false] : ['SoldOut', true])
        assert.equal(outcome.from, apps.names.kitchen.name)
      }
      let answered = 0
      const asking = Promise.all(Array.from({ length: 10_000 }, (_, n) => ask(n).then(() => answered++)))
      let failure: unknown
      asking.catch((error: unknown) => {
        failure = error
      })
      await stage.until(
        () => answered === 10_000 || failure !== undefined,
        () => `${answered} of 10,000 answered`,
        () => answered,
      )
      await asking
    },
  },
  {
    id: '27b',
    title: 'deadlines: a typed error, and a late reply that is dropped and counted',
    proves:
      'A query that is not answered in time is TIMEOUT, a command OUTCOME_UNKNOWN with the id to ask again; what comes later reaches nobody.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const gate = new Gate()
      const ids: string[] = []
      const { app } = await apps.kitchen({
        cook: async ({ payload, reply, message }) => {
          ids.push(message.id)
          await gate.opened
          return reply.Cooked({ n: payload.n })
        },
        menu: async ({ payload, reply }) => {
          await gate.opened
          return reply.Menu({ n: payload.n })
        },
      })
      const client = await apps.client()
      const order = { table: 'a', n: 1 }
      const command = await client.kitchen.cook(order, { within: '150ms' }).catch((error: unknown) => error)
      assert.ok(isPabalError(command, 'OUTCOME_UNKNOWN'), `a command's deadline gave ${String(command)}`)
      await stage.until(() => ids.length > 0, 'the command is handled although nobody waits')
      assert.equal(command.id, ids[0], 'the error carries the id of the command')
      const started = stage.runtime.monotonic()
      const query = await client.kitchen.menu(order, { within: '150ms' }).catch((error: unknown) => error)
      assert.ok(isPabalError(query, 'TIMEOUT'), `a query's deadline gave ${String(query)}`)
      const took = stage.runtime.monotonic() - started
      assert.ok(took >= 140 && took < stage.patience, `150 ms took ${Math.round(took)} ms`)
      assert.equal(client.app.counters().lateReplies, 0)
      gate.open()
      await stage.until(() => client.app.counters().lateReplies + app.counters().expired >= 1, 'a late reply is counted')
      const again = await client.kitchen.cook(order, { id: command.id ?? '' })
      assert.equal(again.type, 'Cooked')
    },
  },
  {
    id: '27c',
    title: 'nobody there: an error before the deadline',
    proves: 'Where the transport can know it, a query that nobody can answer is refused at once; elsewhere at its deadline.',
    needs: ['detectsNoReceiver'],
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { kitchen } = await apps.client()
      const started = stage.runtime.monotonic()
      const error = await kitchen.menu({ table: 'a', n: 1 }, { within: '20s' }).catch((given: unknown) => given)
      assert.ok(isPabalError(error, 'NO_RESPONDER'), `a query to nobody gave ${String(error)}`)
      assert.ok(stage.runtime.monotonic() - started < 5000)
      await apps.kitchen({})
      assert.equal((await kitchen.menu({ table: 'a', n: 1 })).payload.n, 1)
    },
  },
  {
    id: '14b',
    title: 'a caller that gives up, before and during',
    proves: 'An aborted signal ends the wait with CANCELLED; aborted before, nothing is sent.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      let asked = 0
      const gate = new Gate()
      await apps.kitchen({
        menu: async ({ reply }) => {
          asked++
          await gate.opened
          return reply.Menu({ n: 0 })
        },
      })
      const { kitchen } = await apps.client()
      const before = await kitchen.menu({ table: 'a', n: 1 }, { signal: AbortSignal.abort() }).catch((error: unknown) => error)
      assert.ok(isPabalError(before, 'CANCELLED'))
      await stage.nothingMore(() => asked, 'of a question that was given up before')
      const control = new AbortController()
      const during = kitchen.menu({ table: 'a', n: 1 }, { signal: control.signal }).catch((error: unknown) => error)
      await stage.until(() => asked === 1, 'the question comes')
      control.abort()
      assert.ok(isPabalError(await during, 'CANCELLED'))
      gate.open()
    },
  },
]
