import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile, type Run, root, workFolder } from './compiler.ts'

/** `docs/reference/compiler-messages.md`: under each heading a mistake and the first line of what the compiler says of it. */
const page = readFileSync(join(root, 'docs/reference/compiler-messages.md'), 'utf8')
const mistakes = page
  .split(/^### /m)
  .slice(1)
  .map((section, index) => ({
    title: section.slice(0, section.indexOf('\n')),
    file: `mistake-${index}.ts`,
    code: block(section, 'ts'),
    said: block(section, 'text'),
  }))

function block(section: string, language: string): string {
  const found = section.match(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\`$`, 'm'))?.[1]
  if (found === undefined) throw new Error(`no ${language} block under: ${section.slice(0, 60)}`)
  return found
}

const names = 'asks, command, defineService, document, event, failure, notification, older, on, query, success'
const preamble = [
  "import { z } from 'zod'",
  `import { ${names} } from '../../src/contract/index.ts'`,
  "import type { Handlers } from '../../src/contract/types/index.ts'",
  "import { app } from '../../test/types/app.ts'",
  "import { Courier, Kitchen, Order } from '../../test/types/ftgo.ts'",
  'export const { kitchen, courier } = app.clients({ kitchen: Kitchen, courier: Courier })',
  `export const used = [z, ${names}, app, Order]`,
  'export type Used = Handlers<Order>',
]

const typeTests = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test-d.ts'))
const work = workFolder()
let run: Run

beforeAll(async () => {
  for (const { file, code } of mistakes) writeFileSync(join(work.path, file), [...preamble, code].join('\n'))
  const files = [...mistakes.map(({ file }) => file), ...typeTests.map((name) => `../../test/types/${name}`)]
  run = await compile(work.path, files, {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: root,
    outDir: join(work.path, 'out'),
  })
}, 120_000)
afterAll(work.remove)

describe('the compiler says, in its first line', () => {
  test('something about each of many mistakes', () => {
    expect(mistakes.length).toBeGreaterThan(25)
  })
  test.each(mistakes)('$title', ({ file, said }) => {
    expect(run.errors.filter((error) => error.file === file).map((error) => error.text)).toEqual([said])
  })
})

test('every *.test-d.ts compiles, and everything that they expect to be an error is one', () => {
  expect(typeTests.length).toBeGreaterThanOrEqual(3)
  expect(run.errors.filter((error) => error.file.includes('test/types/'))).toEqual([])
})

describe('the emitted declarations of a contract', () => {
  const emitted = (): string => readFileSync(join(work.path, 'out/test/types/ftgo.d.ts'), 'utf8')
  test('name no validator, so that whoever uses a contract needs none', () => {
    expect(emitted()).not.toMatch(/zod|valibot|arktype|ZodObject|ObjectSchema|BaseIssue/i)
  })
  test('hold plain payload types', () => {
    expect(emitted()).toContain('CommandOf<{')
    expect(emitted()).toContain('at: Date;')
    expect(emitted()).not.toMatch(/\bany\b/)
  })
})
