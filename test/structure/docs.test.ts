import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cliReference } from '../../scripts/write-cli-reference.ts'
import { errorReference } from '../../scripts/write-error-reference.ts'
import { deadLinks, examplesOf, pages } from './checks/markdown.ts'
import { root } from './checks/source.ts'

describe('links', () => {
  test('every relative link leads to something', () => expect(pages().flatMap(deadLinks)).toEqual([]))

  test('a dead one is found', () => {
    const text =
      '[a](missing.md) [b](../package.json) [c](#here) [d](#there) [e](https://x.y/z) `[f](none.md)`\n# Here\n```md\n[g](h.md)\n```'
    expect(deadLinks({ path: 'docs/page.md', text })).toEqual(['docs/page.md: missing.md', 'docs/page.md: #there'])
  })
})

test('the error reference is what the table says (npm run errors writes it)', () => {
  const page = readFileSync(join(root, 'docs/reference/errors.md'), 'utf8')
  expect(page).toBe(errorReference())
  expect(page.replace('yes', 'no')).not.toBe(errorReference())
})

test('the reference of the command line is what the commands say (npm run cli-reference writes it)', () => {
  const page = readFileSync(join(root, 'docs/reference/cli.md'), 'utf8')
  expect(page).toBe(cliReference())
  expect(page.replace('--limit', '--most')).not.toBe(cliReference())
})

describe('examples', () => {
  const page = (text: string) => [{ path: 'a.md', text }]

  test('blocks with a name are found, others are not', () => {
    const text =
      'x\n```ts\n// example: one\na()\n```\n```ts\nb()\n```\n<!-- needs a broker -->\n```ts no-run\n// example: two/x\nc()\n```\n'
    expect(examplesOf(page(text))).toEqual([
      { page: 'a.md', line: 2, name: 'one', folder: 'a.one', file: 'one.ts', code: 'a()\n', runs: true },
      { page: 'a.md', line: 10, name: 'two/x', folder: 'a.two', file: 'x.ts', code: 'c()\n', runs: false },
    ])
  })

  test('one that does not run says why', () =>
    expect(() => examplesOf(page('```ts no-run\n// example: two\nc()\n```\n'))).toThrow('without a reason'))

  test('a name is used once', () => {
    const block = '```ts\n// example: one\na()\n```\n'
    expect(() => examplesOf(page(block + block))).toThrow('another example one')
  })
})
