import { expect, test } from 'vitest'
import { z } from 'zod'
import { connect, defineService, notification } from '../../src/index.ts'
import { SimulatedRuntime } from '../../src/runtime/simulated.ts'
import { scenariosOf } from '../../src/testing/conformance.ts'
import { createHub } from '../../src/transport/memory/index.ts'
import { memoryWorld } from '../conformance/worlds.ts'
import { heapInUse } from '../heap.ts'

const minute = 60_000

test('ten minutes of twice what consumers can do, in virtual time', async () => {
  const runtime = new SimulatedRuntime(1)
  const [scenario] = scenariosOf({ ...memoryWorld(runtime), overload: 10 * minute }, ['20'])
  let over = false
  const ending = scenario?.run().finally(() => (over = true))
  ending?.catch(() => {})
  expect(await runtime.run(() => over)).toBe(true)
  expect(await ending).toEqual({ outcome: 'passed' })
  expect(runtime.monotonic()).toBeGreaterThan(10 * minute)
})

test('what an overload of ten minutes took of the memory is given back when all is handled', async () => {
  const runtime = new SimulatedRuntime(2)
  const hub = createHub({ runtime })
  const Work = defineService('work', { version: '1.0.0', commands: { job: notification(z.object({ key: z.string() }), { key: 'key' }) } })
  let handled = 0
  const pause = (ms: number) => new Promise<void>((resolve) => void runtime.timer(ms, resolve))
  for (let n = 0; n < 2; n++) {
    const app = await connect(hub.transport(), { runtime, concurrency: 2, maxMessages: 25 })
    await app.serve(Work, {
      job: async () => {
        await pause(40)
        handled++
      },
    })
  }
  const client = (await connect(hub.transport(), { runtime })).client(Work)
  let sent = 0
  /** Every key is another one: what is remembered of a key has to go, too. */
  const load = async (ms: number, aSecond: number) => {
    for (const end = runtime.monotonic() + ms; runtime.monotonic() < end; await pause(100))
      await Promise.all(Array.from({ length: aSecond / 10 }, () => client.job({ key: `key ${sent++}` })))
  }
  const play = async (ms: number, aSecond: number) => {
    let over = false
    void load(ms, aSecond).then(() => (over = true))
    await runtime.run(() => over)
    const backlog = hub.stored.messages
    await runtime.run(() => handled === sent && hub.stored.messages === 0)
    return { backlog, heap: await heapInUse() }
  }
  const { heap: before } = await play(minute, 80)
  const { backlog, heap } = await play(10 * minute, 200)
  expect(backlog).toBeGreaterThan(50_000)
  expect(handled).toBe(sent)
  expect(heap - before).toBeLessThan(500_000)
})
