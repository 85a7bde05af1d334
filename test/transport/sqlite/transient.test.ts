import { expect, test } from 'vitest'
import { sizeOf } from '../../../src/message/limits.ts'
import { SimulatedRuntime } from '../../../src/runtime/simulated.ts'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { Settlement } from '../../../src/transport/seam.ts'
import { TransientReceiver } from '../../../src/transport/sqlite/transient.ts'

/** A receiver whose handlers end when the test says so, with room for two messages, or three times a hundred bytes more than one takes. */
function bench() {
  const runtime = new SimulatedRuntime(1)
  const handed: string[] = []
  const ends: (() => void)[] = []
  const maxBytes = sizeOf(sampleMessage('1', 0)) + 300
  const receiver = new TransientReceiver(
    ({ message }) => {
      handed.push(message.id)
      return new Promise<Settlement>((resolve) => ends.push(() => resolve({ emit: [] })))
    },
    { maxMessages: 2, maxBytes },
    runtime,
    () => {},
  )
  const take = (id: string, ttl = 1000, size = 0) =>
    receiver.take(sampleMessage(id, 0, size === 0 ? {} : { body: new Uint8Array(size) }), ttl)
  const end = async () => {
    ends.shift()?.()
    await runtime.run(0)
  }
  return { runtime, receiver, handed, take, end }
}

test('beyond the bounds as many wait, in order, and further ones are dropped', async () => {
  const { handed, take, end } = bench()
  for (const id of ['1', '2', '3', '4', '5']) take(id)
  expect(handed).toEqual(['1', '2'])
  for (let n = 0; n < 5; n++) await end()
  expect(handed).toEqual(['1', '2', '3', '4'])
  take('6')
  expect(handed.at(-1)).toBe('6')
})

test('what waits is bounded in bytes, too', async () => {
  const { handed, take, end } = bench()
  take('large', 1000, 5000)
  take('1', 1000, 200)
  take('2', 1000, 200)
  for (let n = 0; n < 3; n++) await end()
  expect(handed).toEqual(['large', '1'])
  take('3')
  expect(handed.at(-1), 'and nothing is counted that is gone').toBe('3')
})

test('what is too late is not handed out, and keeps nothing else from waiting', async () => {
  const { runtime, handed, take, end } = bench()
  take('1')
  take('2')
  take('early', 10)
  take('late', 5000)
  await runtime.run(100)
  take('in its place', 5000)
  for (let n = 0; n < 4; n++) await end()
  expect(handed).toEqual(['1', '2', 'late', 'in its place'])
})

test('a closed one takes nothing, and hands out nothing more', async () => {
  const { receiver, handed, take, end } = bench()
  for (const id of ['1', '2', '3']) take(id)
  receiver.close()
  take('4')
  await end()
  expect(handed).toEqual(['1', '2'])
})
