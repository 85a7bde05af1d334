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
  owned: boolean
  send(position: number): void
}> {
  let reader: LogReader | undefined
  const log: Log = { open: (_, given) => void (reader = given), more: () => {}, close: async () => {} }
  const options = { durable: true, maxMessages: 10, maxBytes: 1_000_000 }
  const out: { delivery: Delivery; settle(settlement: Settlement): void }[] = []
  let floor = 0
  const cursor = new Cursor(
    { floor: 0, done: [] },
    async (place) => void (floor = place.floor),
    () => {},
  )
  const made = {
    out,
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
    sender: { send: async (batch) => batch.map(() => 'sent' as const) },
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
