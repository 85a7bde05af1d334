import { chmodSync, statSync, truncateSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Marks } from '../../../src/transport/sqlite/db/marks.ts'
import { opened, place } from './stores.ts'

const once = (work: () => void): void => work()

test('what was marked is there for another process, for its epoch alone', async () => {
  const file = place()
  await (await opened({ file })).transport.close()
  const one = new Marks(file, 16).begin(7, once)
  one.write(3, 5, 1, 40)
  one.write(3, 5, 2, 50)
  one.write(3, 6, 1, 60)
  const other = new Marks(file, 16).begin(7, () => expect.unreachable('the file is known'))
  expect([other.read(3, 5, 1), other.read(3, 5, 2), other.read(3, 6, 1)]).toEqual([40, 50, 60])
  expect([other.read(3, 5, 3), other.read(3, 5, 5), other.read(9, 0, 1)]).toEqual([0, 0, 0])
  // A process that was taken for dead wakes up: it writes over nobody's mark.
  other.write(3, 5, 4, 70)
  one.write(3, 5, 1, 80)
  expect(other.read(3, 5, 4)).toBe(70)
  one.close()
  other.close()
})

test('the marks of another store that lay there are dropped, and the file lets in whom the store lets in', async () => {
  const file = place()
  await (await opened({ file })).transport.close()
  chmodSync(file, 0o600)
  truncateSync(`${file}-handed`)
  const before = new Marks(file, 16).begin(7, once)
  before.write(1, 0, 1, 10)
  before.close()
  const after = new Marks(file, 16).begin(8, once)
  expect(after.read(1, 0, 1)).toBe(0)
  after.close()
  expect(statSync(`${file}-handed`).size).toBe(16)
})
