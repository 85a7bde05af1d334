import { expect, test } from 'vitest'
import { assign } from '../../../src/transport/shared/assignment.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `member-${i}`)
const all = (map: Map<string, number[]>): number[] => [...map.values()].flat().sort((a, b) => a - b)

test('every shard has one owner, and nobody has two more than another', () => {
  for (let count = 1; count <= 20; count++) {
    const owned = assign(names(count), 16)
    expect(all(owned)).toEqual(Array.from({ length: 16 }, (_, i) => i))
    const sizes = [...owned.values()].map((mine) => mine.length)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
  }
})

test('the order in which members are listed changes nothing', () => {
  expect([...assign(['c', 'a', 'b', 'a'], 16)]).toEqual([...assign(['a', 'b', 'c'], 16)])
})

test('nobody owns nothing', () => {
  expect(assign([], 16).size).toBe(0)
})

test('a member that comes or goes moves little', () => {
  for (let count = 1; count < 10; count++) {
    const before = owners(assign(names(count), 64))
    const after = owners(assign(names(count + 1), 64))
    const moved = [...before].filter(([shard, owner]) => after.get(shard) !== owner).length
    // At the least, the newcomer's share moves; half of all would be a reshuffle.
    expect(moved).toBeGreaterThan(0)
    expect(moved).toBeLessThanOrEqual(Math.ceil(64 / (count + 1)) * 2)
  }
})

function owners(map: Map<string, number[]>): Map<number, string> {
  return new Map([...map].flatMap(([name, mine]) => mine.map((shard) => [shard, name] as const)))
}
