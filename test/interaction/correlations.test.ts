import { expect, test } from 'vitest'
import { Correlations } from '../../src/interaction/correlations.ts'

const waiting = (correlation: string) => ({ correlation })
const alike = '0190b8c4-7d2e-7abc-8f00-'

test('what waits is found by its id and by no other, whoever has the place in the table', () => {
  const correlations = new Correlations<{ correlation: string }>()
  // The first two would have the same place, so would the short ones.
  const all = [`${alike}000000000001`, `${alike}000000000002`, 'a', 'b', '', 'one with ä text that is long enough'].map(waiting)
  for (const item of all) correlations.add(item)
  expect(correlations.size).toBe(all.length)
  for (const item of all) expect(correlations.get(item.correlation)).toBe(item)
  for (const other of [`${alike}000000000003`, 'c', '0190b8c4-7d2e-7abd-8f00-000000000001']) expect(correlations.get(other)).toBeUndefined()
  expect(new Set(correlations.all())).toEqual(new Set(all))
})

test('what is taken away is gone, the others stay, and its place is free again', () => {
  const correlations = new Correlations<{ correlation: string }>()
  const [first, second] = [`${alike}000000000001`, `${alike}000000000002`].map(waiting) as [
    { correlation: string },
    { correlation: string },
  ]
  for (const gone of [first, second]) {
    correlations.add(first)
    correlations.add(second)
    correlations.remove(gone)
    correlations.remove(gone)
    const stays = gone === first ? second : first
    expect([correlations.size, correlations.get(gone.correlation), correlations.get(stays.correlation)]).toEqual([1, undefined, stays])
    correlations.remove(waiting(stays.correlation))
    expect(correlations.size, 'another with the same id is not it').toBe(1)
    correlations.remove(stays)
    expect([correlations.size, correlations.all()]).toEqual([0, []])
  }
})
