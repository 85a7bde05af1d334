import { expect, test } from 'vitest'
import { carriedIn, carry } from '../../../src/transport/sqlite/carried.ts'

const bytes = Buffer.from('what was stored')
const stored = { channel: 'bestellungen.für-küche', first: 2 ** 40, bytes }
const frame = carry(7, stored, bytes, 2 ** 47, 1_000)

test('what is brought along comes back as it was', () => {
  expect(frame[0]).toBe(7)
  expect(carriedIn(frame, 2 ** 47, 1_000)).toEqual(stored)
  expect(carriedIn(frame, 2 ** 47, 1_020)).toEqual(stored)
})

test('a frame that waited, or comes from another store or a clock that was set, only wakes', () => {
  for (const [identity, now] of [
    [2 ** 47, 1_021],
    [2 ** 47, 999],
    [5, 1_000],
  ] as const)
    expect(carriedIn(frame, identity, now)).toEqual({ ...stored, bytes: undefined })
})
