import { expect, test } from 'vitest'
import { targetOf } from '../../src/interaction/reply.ts'
import { heapInUse } from '../heap.ts'

test('the channel of a reply address; none outside of the reply namespace', () => {
  expect(targetOf('reply.order')).toEqual({ address: 'reply.order', kind: 'point-to-point' })
  expect(targetOf('inbox.order.1')).toEqual({ address: 'inbox.order.1', kind: 'inbox' })
  expect(targetOf('inbox.order.1'), 'and the same again').toBe(targetOf('inbox.order.1'))
  for (const address of ['kitchen', 'inbox', 'Order', '']) expect(targetOf(address)).toBeUndefined()
})

test('askers that come and go are not remembered for ever', async () => {
  const ask = (from: number) => {
    for (let n = from; n < from + 100_000; n++) targetOf(`inbox.somebody.${n}`)
  }
  ask(0)
  const before = await heapInUse()
  ask(100_000)
  // each would take a hundred bytes at least
  expect((await heapInUse()) - before).toBeLessThan(1_000_000)
})
