import { expect, test } from 'vitest'
import type { TraceEvent } from '../../../src/transport/sqlite/index.ts'
import { batchOf, consumer, opened, outgoing, place, until } from './stores.ts'

/** Acknowledgements of what somebody waits for as safe, before which nothing was synced since the transaction began. */
function unsafe(events: readonly TraceEvent[]): { acknowledged: number; early: number } {
  let acknowledged = 0
  let early = 0
  let synced = false
  for (const event of events) {
    if (event.what === 'begin') synced = false
    if (event.what === 'commit' && event.synced) synced = true
    if (event.what !== 'acknowledge' || !event.durable) continue
    acknowledged++
    if (!synced) early++
    // Each transaction is acknowledged once.
    synced = false
  }
  return { acknowledged, early }
}

/** Sends, handles and emits at the same time. */
async function work(acknowledgeFirst: boolean): Promise<{ acknowledged: number; early: number }> {
  const events: TraceEvent[] = []
  const { transport } = await opened({ file: place(), faults: { trace: (event) => void events.push(event), acknowledgeFirst } })
  const onward = { address: 'onward', kind: 'point-to-point' } as const
  const { deliveries } = await consumer(transport, ({ message }) => ({
    emit: [outgoing(`on-${message.id}`, message.key, { channel: onward })],
  }))
  await Promise.all(
    [0, 1, 2, 3].map(async (line) => {
      for (let n = 0; n < 25; n++) expect(new Set(await transport.send(batchOf(4, `${line}-${n}`)))).toEqual(new Set(['sent']))
    }),
  )
  await until(
    async () =>
      deliveries.length === 400 && (await transport.admin?.depths())?.find(({ channel }) => channel.address === 'onward')?.waiting === 400,
    () => `${deliveries.length} came`,
  )
  await transport.close()
  return unsafe(events)
}

test('sends and emissions are acknowledged after the sync that made them safe', async () => {
  const { acknowledged, early } = await work(false)
  expect(acknowledged).toBeGreaterThanOrEqual(25)
  expect(early).toBe(0)
})

test('a worker that acknowledges first is seen', async () => {
  // Under load the commit of one transaction stands before the acknowledgement of the next: the first of all gives it away.
  expect((await work(true)).early).toBeGreaterThan(0)
})
