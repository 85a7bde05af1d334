import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Example, examplesOf, pages } from './checks/markdown.ts'
import { type Ran, run, start, workFolder } from './checks/run.ts'

/**
 * Every named example in the docs, against the built package as a user would have it: checked by the compiler, then run. Those with the
 * same folder in their name (`tutorial/order`) are one program in several processes in one folder. One that stays (it calls `closeOn` and
 * never `close`) starts first and says something; it is told to end when the others have ended, and must end well.
 */
const work = workFolder('docs-examples')
afterAll(work.remove)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

const pathOf = ({ folder, file }: Example): string => `${folder}/${file}`

function write(examples: readonly Example[], to: string): void {
  for (const example of examples) {
    mkdirSync(join(to, example.folder), { recursive: true })
    writeFileSync(join(to, pathOf(example)), example.code)
  }
  // No paths and no skipped declarations: what a strict user compiles against is the built package.
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  }
  writeFileSync(join(to, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }))
}

const compile = (folder: string): Promise<Ran> => run([tsc, '-p', '.', '--pretty', 'false'], folder)

async function runTogether(examples: readonly Example[], from: string): Promise<Record<string, Ran>> {
  const begin = (example: Example) => ({ name: example.name, ...start([example.file], join(from, example.folder)) })
  const live = examples.filter(({ runs }) => runs)
  const staying = live.filter(({ code }) => code.includes('.closeOn(') && !code.includes('.close()'))
  const stayed = staying.map(begin)
  await Promise.all(stayed.map(({ spoke }) => spoke))
  const others = live.filter((example) => !staying.includes(example)).map(begin)
  await Promise.all(others.map(({ ended }) => ended))
  for (const { stop } of stayed) stop()
  const running = [...stayed, ...others]
  return Object.fromEntries(await Promise.all(running.map(async ({ name, ended }) => [name, await ended] as const)))
}

const examples = examplesOf(pages())
const groups = Map.groupBy(examples, ({ folder }) => folder)

describe('the examples in the docs', () => {
  let compiled: Ran
  beforeAll(async () => {
    write(examples, work.path)
    compiled = await compile(work.path)
  })

  test('there are some', () => expect(examples.length).toBeGreaterThan(10))

  test.each(examples.map((example) => [pathOf(example), example] as const))('%s compiles', (path, { page, line }) => {
    const errors = compiled.out.split('\n').filter((text) => text.startsWith(`${path}(`))
    expect(errors, `${page}:${line}`).toEqual([])
  })

  test('nothing else is wrong for the compiler', () => {
    const known = examples.map((example) => `${pathOf(example)}(`)
    expect(compiled.out.split('\n').filter((text) => text !== '' && !known.some((file) => text.startsWith(file)))).toEqual([])
  })

  test.each([...groups].map(([folder, group]) => [folder, group] as const))('%s runs', async (_, group) => {
    const ended = await runTogether(group, work.path)
    for (const { name, page, line } of group) {
      const ran = ended[name]
      if (ran !== undefined) expect(ran.code, `${name} (${page}:${line})\n${ran.out}\n${ran.err}`).toBe(0)
    }
  })
})

describe('what is wrong is seen', () => {
  const example = (name: string, code: string): Example => ({
    page: 'a.md',
    line: 1,
    name,
    folder: name,
    file: `${name}.ts`,
    code,
    runs: true,
  })

  test('a type error, a throw, and a process that ends badly when told to', async () => {
    const bad = workFolder('bad-examples')
    try {
      const given = [
        example('types', 'export const a: string = 1\n'),
        example('throws', "throw new Error('on purpose')\n"),
        example(
          'stays',
          "const app = { closeOn: () => process.once('SIGTERM', () => process.exit(3)) }\napp.closeOn()\nsetInterval(() => {}, 1000)\nconsole.log('open')\n",
        ),
      ]
      write(given, bad.path)
      expect((await compile(bad.path)).out).toContain('types/types.ts(1,14): error TS2322')
      const throws = await runTogether(given.slice(1, 2), bad.path)
      expect(throws.throws?.code).toBe(1)
      expect(throws.throws?.err).toContain('on purpose')
      expect((await runTogether(given.slice(2), bad.path)).stays?.code).toBe(3)
    } finally {
      bad.remove()
    }
  })
})
