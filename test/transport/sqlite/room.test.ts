import { expect, test } from 'vitest'
import { SimulatedRuntime } from '../../../src/runtime/simulated.ts'
import { Room } from '../../../src/transport/sqlite/room.ts'

/** A full room of eight, and how many that waited for it went on. */
async function full() {
  const runtime = new SimulatedRuntime(1)
  const state = { shut: false, wentOn: 0 }
  const room = new Room({ maxMessages: 8, maxBytes: 800 }, runtime, () => state.shut)
  for (let n = 0; n < 8; n++) room.take(10)
  const wait = () => void room.made().then(() => state.wentOn++)
  wait()
  await runtime.run(100)
  expect(state.wentOn).toBe(0)
  return { runtime, room, state, wait }
}

test('a full room is used again when a quarter of it is free, at once', async () => {
  const { runtime, room, state } = await full()
  room.giveBack(10)
  await runtime.run(1)
  expect(state.wentOn).toBe(0)
  room.giveBack(10)
  await runtime.run(0)
  expect(state.wentOn).toBe(1)
})

test('and a moment later where less is free: what is out may stay out for long', async () => {
  const { runtime, room, state } = await full()
  room.giveBack(10)
  await runtime.run(100)
  expect(state.wentOn).toBe(1)
  expect(room.left).toEqual({ messages: 1, bytes: 730 })
})

test('everybody who waits goes on, and waits again where it is full again', async () => {
  const { runtime, room, state, wait } = await full()
  wait()
  room.giveBack(10)
  room.giveBack(10)
  await runtime.run(100)
  expect(state.wentOn).toBe(2)
  room.take(400)
  room.take(400)
  wait()
  await runtime.run(100)
  expect(state.wentOn).toBe(2)
  room.stop()
  await runtime.run(0)
  expect(state.wentOn).toBe(3)
})

test('one message is always allowed; nothing while it is shut', async () => {
  const runtime = new SimulatedRuntime(1)
  let shut = true
  let wentOn = 0
  const room = new Room({ maxMessages: 8, maxBytes: 100 }, runtime, () => shut)
  expect(room.free).toBe(true)
  void room.made().then(() => wentOn++)
  room.look()
  await runtime.run(100)
  expect(wentOn).toBe(0)
  shut = false
  room.look()
  await runtime.run(0)
  expect(wentOn).toBe(1)
  room.take(1000)
  expect([room.free, room.left]).toEqual([false, { messages: 7, bytes: 1 }])
  room.giveBack(1000)
  expect(room.free).toBe(true)
})
