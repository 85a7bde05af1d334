import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../structure/checks/source.ts'

interface Named {
  readonly file: string
  readonly title: string
}

/** The tests that a page names: `` `file › title` ``. */
const namedIn = (text: string): Named[] =>
  [...text.matchAll(/`([^`\n]+?) › ([^`\n]+)`/g)].map(([, file = '', title = '']) => ({ file, title }))

/** The titles in a test or scenario file. What is filled in (`${kills} kills`) is left out of them. */
function titlesIn(text: string): Set<string> {
  const calls = /\b(?:test|it|describe)\b(?:\.\w+)*(?:\([^()]*\))?\(\s*(?:'((?:[^'\\\n]|\\.)+)'|"([^"\n]+)"|`([^`]+)`)/g
  const fields = /^ +title: (?:'((?:[^'\\\n]|\\.)+)'|"([^"\n]+)"|`([^`]+)`)/gm
  const found = [...text.matchAll(calls), ...text.matchAll(fields)].map(([, one, other, filled]) => one ?? other ?? filled ?? '')
  return new Set(found.flatMap((title) => title.split(/\$\{[^}]*\}/).map((part) => part.replace(/^[:\s]+|[:\s]+$/g, ''))))
}

const missing = (named: readonly Named[]): string[] =>
  named
    .filter(({ file, title }) => !existsSync(join(root, file)) || !titlesIn(readFileSync(join(root, file), 'utf8')).has(title))
    .map(({ file, title }) => `${file} › ${title}`)

describe('the page of promises', () => {
  const page = readFileSync(join(root, 'docs/explanation/promises.md'), 'utf8')
  const [promised = '', refused = ''] = page.split('## What is not promised')

  test('every test that it names exists', () => expect(missing(namedIn(page))).toEqual([]))

  test('every promise names a test', () => {
    const promises = promised.split(/^(?=- \*\*)/m).slice(1)
    expect(promises.length).toBeGreaterThan(25)
    expect(promises.filter((text) => namedIn(text).length === 0)).toEqual([])
    expect(refused).toContain('Replay')
  })

  test('every promise test is named', () => {
    const here = readFileSync(join(root, 'test/promises/promises.test.ts'), 'utf8')
    const named = new Set(namedIn(page).map(({ title }) => title))
    const unnamed = [...titlesIn(here)].filter((title) => title !== '%s' && title !== '' && !named.has(title))
    expect(unnamed).toEqual([])
  })

  test('what does not exist is found', () => {
    const known = { file: 'test/promises/page.test.ts', title: 'what does not exist is found' }
    expect(missing([known, { ...known, title: 'another title' }, { ...known, file: 'test/none.test.ts' }])).toHaveLength(2)
    expect(titlesIn("// a title in a comment\nconst x = 'no title'\ntest.each([1])('%s', () => {})")).toEqual(new Set(['%s']))
    expect(namedIn('Text `a/b.ts › one thing` and `code`.')).toEqual([{ file: 'a/b.ts', title: 'one thing' }])
  })
})
