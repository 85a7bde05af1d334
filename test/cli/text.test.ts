import { describe, expect, test } from 'vitest'
import { type Column, table } from '../../src/cli/view/table.ts'
import { age, cut, visible, widthOf, wrapped } from '../../src/cli/view/text.ts'

test.each([
  ['abc', 3],
  ['파발', 4],
  ['e\u0301', 1],
  ['🍜', 2],
  ['…', 1],
])('%s takes %i cells', (text, cells) => expect(widthOf(text)).toBe(cells))

test('a text is cut at cells, not at units', () => {
  expect(cut('파발마', 5)).toBe('파발…')
  expect(cut('🍜🍜🍜', 4)).toBe('🍜…')
  expect(cut('abc', 3)).toBe('abc')
})

test('control characters and marks that turn the direction are shown, tabs are left', () =>
  expect(visible('a\u001b[31mb\u202ec\td\n')).toBe('a\\u001b[31mb\\u202ec\td\\u000a'))

test.each([
  [900, '1s'],
  [119_000, '119s'],
  [121_000, '2m'],
  [7_300_000, '2h'],
  [200_000_000, '2d'],
  [-5, '0s'],
])('%i ms ago: %s', (ms, text) => expect(age(ms)).toBe(text))

test('lines are broken between words and indented', () => expect(wrapped('one two three four', 9, '  ')).toBe('one two\n  three\n  four'))

describe('a table', () => {
  const columns: Column<readonly string[]>[] = [
    { title: 'ID', of: ([id = '']) => id },
    { title: 'PLACE', of: ([, place = '']) => place, drop: 1 },
    { title: 'N', of: ([, , n = '']) => n, right: true },
    { title: 'WHY', of: ([, , , why = '']) => why, least: 6 },
  ]
  const rows = [
    ['a1', '부엌', '7', 'the oven is cold'],
    ['b22', 'bar', '1,000', 'no'],
  ]
  const plain = (text: string): string => text

  test('as wide as it needs to be, in cells', () =>
    expect(table(columns, rows, 80, plain).split('\n')).toEqual([
      'ID   PLACE      N  WHY',
      'a1   부엌       7  the oven is cold',
      'b22  bar    1,000  no',
    ]))

  test('cut where it may be cut, then without what may be left out', () => {
    expect(table(columns, rows, 30, plain).split('\n')[1]).toBe('a1   부엌       7  the oven i…')
    expect(table(columns, rows, 22, plain).split('\n')).toEqual(['ID       N  WHY', 'a1       7  the oven …', 'b22  1,000  no'])
    for (const line of table(columns, rows, 18, plain).split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(18)
  })
})
