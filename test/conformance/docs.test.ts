import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { conformance } from '../../src/testing/index.ts'
import { memoryWorld } from './worlds.ts'

test('the reference page lists every scenario as it is', () => {
  const page = readFileSync(new URL('../../docs/reference/testing.md', import.meta.url), 'utf8')
  const listed = page.split('<!-- scenarios -->\n')[1]?.trim().split('\n').slice(2)
  const rows = conformance(memoryWorld()).map(
    ({ id, name, needs, proves }) => `| ${id} | ${name.slice(`memory ${id}: `.length)} | ${needs.join(', ')} | ${proves} |`,
  )
  expect(listed).toEqual(rows)
})
