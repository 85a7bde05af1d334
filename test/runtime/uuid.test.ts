import { expect, test } from 'vitest'
import { UuidV7 } from '../../src/runtime/uuid.ts'

const form = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('ids are UUIDv7 of their time, each one higher than the one before, also when the clock stands or goes back', () => {
  let now = 1_800_000_000_000
  const ids = new UuidV7(() => now)
  const seen: string[] = []
  for (let n = 0; n < 20_000; n++) {
    if (n % 6000 === 5999) now += 3
    if (n === 9000) now -= 50
    seen.push(ids.next())
  }
  expect(seen.every((id) => form.test(id))).toBe(true)
  expect(new Set(seen).size).toBe(seen.length)
  expect([...seen].sort()).toEqual(seen)
  const [, high, low] = form.exec(seen[0] as string) ?? []
  expect(Number.parseInt(`${high}${low}`, 16)).toBe(1_800_000_000_000)
})

test('the random part differs from process to process', () => {
  const tail = () => new UuidV7(() => 0).next().slice(19)
  expect(new Set(Array.from({ length: 50 }, tail)).size).toBe(50)
})
