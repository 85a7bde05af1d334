import { expect, test } from 'vitest'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { Delivery, Settlement } from '../../../src/transport/seam.ts'
import { Bounds } from '../../../src/transport/shared/bounds.ts'
import { Cursor } from '../../../src/transport/shared/cursor.ts'
import type { Log, LogReader } from '../../../src/transport/shared/log.ts'
import { OwnedShard } from '../../../src/transport/shared/owned-shard.ts'
import { volatileParks } from '../../../src/transport/shared/transient.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => void systemRuntime.timer(ms, resolve))

/** A shard over a log in memory, whose ownership a test decides, and whose handler settles when it is told to. */
async function bench(): Promise<{
  readonly out: { readonly delivery: Delivery; settle(settlement: Settlement): void }[]
  readonly shard: OwnedShard
  readonly settled: () => number
  /** The ids of what was sent on, in order. */
  readonly sent: string[]
  owned: boolean
  send(position: number): void
}> {
  let reader: LogReader | undefined
  const log: Log = { open: (_, given) => void (reader = given), more: () => {}, close: async () => {} }
  const options = { durable: true, maxMessages: 10, maxBytes: 1_000_000 }
  const out: { delivery: Delivery; settle(settlement: Settlement): void }[] = []
  const sent: string[] = []
  let floor = 0
  const cursor = new Cursor(
    { floor: 0, done: [] },
    async (place) => void (floor = place.floor),
    () => {},
  )
  const made = {
    out,
    sent,
    owned: true,
    settled: () => floor,
    send: (position: number) =>
      reader?.take([{ position, message: { ...sampleMessage(`m${position}`, position), key: 'k' } }], position + 1),
  }
  const shard = new OwnedShard({
    shard: '0',
    fence: 1,
    options,
    log,
    cursor,
    bounds: new Bounds(options),
    parks: volatileParks(),
    runtime: systemRuntime,
    sender: {
      send: async (batch) =>
        batch.map(({ message }) => {
          sent.push(message.id)
          return 'sent' as const
        }),
    },
    receive: (delivery) => new Promise((resolve) => out.push({ delivery, settle: resolve })),
    owned: () => made.owned,
    released: () => {},
  })
  await shard.start(() => {})
  return Object.assign(made, { shard })
}

test('what is settled while nobody knows who owns the shard counts once it is known, and its key goes on', async () => {
  const one = await bench()
  one.send(0)
  one.owned = false
  one.out[0]?.settle({ release: {} })
  await pause(120)
  expect(one.out.length).toBe(1)
  one.owned = true
  await expect.poll(() => one.out.length).toBe(2)
  one.owned = false
  one.out[1]?.settle({ emit: [] })
  await pause(80)
  expect(one.settled()).toBe(0)
  one.owned = true
  await expect.poll(one.settled).toBe(1)
})

test('what waits to be settled is not overtaken by what is settled when the ownership is known again', async () => {
  const one = await bench()
  const emission = (id: string): Settlement => ({
    emit: [{ channel: { address: 'next', kind: 'point-to-point' }, durable: true, message: { ...sampleMessage(id, 1), key: 'k' } }],
  })
  for (const position of [0, 1, 2]) one.send(position)
  one.owned = false
  for (const n of [0, 1]) one.out[n]?.settle(emission(`n-${n}`))
  await pause(5)
  one.owned = true
  one.out[2]?.settle(emission('n-2'))
  await expect.poll(one.settled).toBe(3)
  expect(one.sent).toEqual(['n-0', 'n-1', 'n-2'])
})

test('what is settled after the shard was lost counts for nothing', async () => {
  const one = await bench()
  one.send(0)
  one.owned = false
  one.out[0]?.settle({ emit: [] })
  one.shard.lose()
  one.owned = true
  await pause(120)
  expect(one.settled()).toBe(0)
  expect(one.out[0]?.delivery.signal.aborted).toBe(true)
})
