import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { countTimers } from '../../counted.ts'
import type { Definition } from '../../definition.ts'
import { wrap } from '../../wrap.ts'
import { AppStage } from './app-stage.ts'

/** Calls that are made side by side. */
const side = 100

/** What calls leave behind. */
export const leakScenarios: readonly Definition[] = [
  {
    id: '30d',
    title: 'many calls leave nothing behind',
    proves:
      'However often is asked, one inbox serves: calls that end, are left, cancelled, ignored or not answered leave no subscription, no waiting call, no timer and no listener.',
    timeout: 300_000,
    play: async (stage) => {
      const apps = new AppStage(stage)
      await apps.kitchen({})
      const transport = await stage.unopened()
      let opened = 0
      const counting = wrap(transport, {
        inbox: (owner, receive) => {
          opened++
          return transport.inbox(owner, receive)
        },
        subscribe: (channel, options, receive) => {
          opened++
          return transport.subscribe(channel, options, receive)
        },
      })
      const runtime = countTimers(stage.runtime)
      const app = await apps.app({ runtime }, counting)
      const { quote } = app.clients({ kitchen: apps.names.kitchen }, { within: '20s' }).kitchen
      const { signal } = new AbortController()
      const ways: readonly ((n: number) => Promise<unknown>)[] = [
        (n) => quote.gather({ table: 'a', n }, { until: { count: 1 } }).result(),
        async (n) => {
          for await (const reply of quote.gather({ table: 'a', n }, { expected: ['nobody'] })) if (reply.payload.n === n) break
        },
        (n) => quote.gather({ table: 'a', n }, { until: { count: 1 }, signal }).result(),
        async (n) => {
          const own = new AbortController()
          const gathering = quote.gather({ table: 'a', n }, { expected: ['nobody'], signal: own.signal })
          for await (const _ of gathering) own.abort()
        },
        // never looked at, and over at its deadline
        async (n) => void quote.gather({ table: 'a', n }, { within: 200, expected: ['nobody'] }),
      ]
      let begun = 0
      let cancelled = 0
      const caller = async () => {
        while (begun < stage.calls) {
          const n = begun++
          const way = ways[n % ways.length] as (typeof ways)[number]
          await way(n).catch((error: { code?: string }) => {
            if (error.code !== 'CANCELLED') throw error
            cancelled++
          })
        }
      }
      await Promise.all(Array.from({ length: side }, caller))
      const what = `${stage.calls} calls`
      assert.equal(cancelled, Math.floor((stage.calls + 1) / ways.length), 'of those whose signal was aborted')
      await stage.until(
        () => app.health().inFlight === 0,
        () => `${app.health().inFlight} of ${what} still wait`,
      )
      assert.ok(opened <= 1, `${opened} inboxes and subscriptions for ${what}`)
      assert.equal(getEventListeners(signal, 'abort').length, 0, `listeners on the caller's signal after ${what}`)
      assert.ok(runtime.open <= 1, `${runtime.open} timers after ${what}`)
    },
  },
]
