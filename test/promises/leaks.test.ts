import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineService, query } from '../../src/index.ts'
import { heapInUse } from '../heap.ts'
import { until } from '../service/apps.ts'
import { stores } from './stores.ts'

const Courier = defineService('courier', {
  version: '1.0.0',
  queries: {
    where: query(z.object({ n: z.number() }), { replies: { Here: z.object({ n: z.number() }) } }),
    quote: query(z.object({ n: z.number() }), { to: 'many', replies: { Quote: z.object({ n: z.number() }) } }),
  },
})

/** Scenario 30d of the conformance suite counts what is opened; this weighs what stays, which can be done only while nothing else runs. */
describe.each(stores)('%s', (name, make) => {
  const calls = name === 'memory:' ? 100_000 : 40_000

  test(`${calls} calls leave nothing in the heap, however they end`, async () => {
    const store = make()
    await (await store.app()).serve(Courier, {
      where: ({ payload, reply }) => reply.Here(payload),
      quote: ({ payload, reply }) => reply.Quote(payload),
    })
    const app = await store.app()
    const { where, quote } = app.client(Courier)
    const { signal } = new AbortController()
    const ways: readonly ((n: number) => Promise<unknown>)[] = [
      (n) => quote.gather({ n }, { until: { count: 1 }, signal }).result(),
      async (n) => {
        for await (const reply of quote.gather({ n }, { expected: ['nobody'] })) if (reply.payload.n === n) break
      },
      async (n) => {
        const own = new AbortController()
        for await (const _ of quote.gather({ n }, { expected: ['nobody'], signal: own.signal })) own.abort()
      },
      async (n) => void quote.gather({ n }, { within: 100, expected: ['nobody'] }),
      (n) => where({ n }, { signal }),
    ]
    let begun = 0
    const play = async (upTo: number) => {
      const caller = async () => {
        while (begun < upTo) {
          const n = begun++
          await ways[n % ways.length]?.(n).catch((error: { code?: string }) => expect(error.code).toBe('CANCELLED'))
        }
      }
      await Promise.all(Array.from({ length: 100 }, caller))
      await until(() => app.health().inFlight === 0)
      return heapInUse()
    }
    const before = await play(10_000)
    const channels = (await app.channels()).length
    const after = await play(10_000 + calls)
    expect(await app.channels()).toHaveLength(channels)
    expect(after - before).toBeLessThan(calls * 15)
  })
})
