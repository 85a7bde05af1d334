import { expect, test } from 'vitest'
import { Grace } from '../../src/delivery/grace.ts'

test('the first look begins the grace, which ends once', () => {
  const grace = new Grace(2000)
  expect(grace.remaining('a', 100)).toBe(250)
  expect(grace.has('a')).toBe(true)
  expect(grace.remaining('a', 2050)).toBe(50)
  expect(grace.remaining('a', 2100)).toBeUndefined()
  expect(grace.has('a')).toBe(false)
})

test('ten thousand are remembered; the oldest is forgotten for one more, and its grace begins anew', () => {
  const grace = new Grace(2000)
  for (let n = 0; n < 10_000; n++) grace.remaining(`m${n}`, 0)
  expect([grace.has('m0'), grace.has('m9999')]).toEqual([true, true])
  grace.remaining('one more', 0)
  expect([grace.has('m0'), grace.has('m1'), grace.has('one more')]).toEqual([false, true, true])
  expect(grace.remaining('m0', 5000)).toBe(250)
})
