import { expect, test } from 'vitest'
import { type Listed, OpenList } from '../../src/runtime/open-list.ts'

interface Item extends Listed<Item> {
  readonly n: number
}
const items = (count: number): Item[] => Array.from({ length: count }, (_, n) => ({ n, older: undefined, newer: undefined }))
const numbers = (list: OpenList<Item>): number[] => [...list].map(({ n }) => n)

test('what is in it comes in the order in which it was added, wherever something is taken away', () => {
  for (const gone of [0, 1, 2, 3]) {
    const list = new OpenList<Item>()
    const all = items(4)
    for (const item of all) list.add(item)
    list.remove(all[gone] as Item)
    const left = [0, 1, 2, 3].filter((n) => n !== gone)
    expect(numbers(list)).toEqual(left)
    list.add(all[gone] as Item)
    expect(numbers(list)).toEqual([...left, gone])
  }
})

test('it is empty before, and again when all are taken away, and what was taken away holds nothing', () => {
  const list = new OpenList<Item>()
  expect(list.isEmpty).toBe(true)
  const all = items(3)
  for (const item of all) list.add(item)
  expect(list.isEmpty).toBe(false)
  for (const n of [1, 0, 2]) list.remove(all[n] as Item)
  expect(list.isEmpty).toBe(true)
  expect(numbers(list)).toEqual([])
  for (const item of all) expect(item).toMatchObject({ older: undefined, newer: undefined })
})

test('what is looked at may be taken away meanwhile', () => {
  const list = new OpenList<Item>()
  const all = items(3)
  for (const item of all) list.add(item)
  const seen: number[] = []
  for (const item of list) {
    seen.push(item.n)
    list.remove(item)
  }
  expect(seen).toEqual([0, 1, 2])
  expect(list.isEmpty).toBe(true)
})
