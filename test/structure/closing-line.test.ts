import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run, workFolder } from './checks/run.ts'
import { root } from './checks/source.ts'

/** Runs vitest itself over the given test files, with the reporter of this project. */
async function closing(files: Record<string, string>): Promise<{ last: string; code: number | null }> {
  const work = workFolder('closing')
  try {
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(work.path, name), `import { describe, test } from 'vitest'\n${text}`)
    const reporter = join(root, 'scripts/closing-line.ts')
    writeFileSync(join(work.path, 'vitest.config.ts'), `export default { test: { reporters: ['default', '${reporter}'] } }`)
    const { code, out } = await run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', work.path], work.path)
    return { last: out.trimEnd().split('\n').at(-1) ?? '', code }
  } finally {
    work.remove()
  }
}

test.each<[string, Record<string, string>, string, number]>([
  [
    'what passes and is skipped',
    { 'a.test.ts': "test('a', () => {}); test.skip('b', () => {})", 'b.test.ts': "test('c', () => {})" },
    '2 passed, 0 failed',
    0,
  ],
  ['what fails', { 'a.test.ts': "test('a', () => {}); test('b', () => { throw new Error('b') })" }, '1 passed, 1 failed', 1],
  ['a file that does not load', { 'a.test.ts': "test('a', () => {})", 'b.test.ts': "throw new Error('b')" }, '1 passed, 1 failed', 1],
  [
    'a hook that fails',
    {
      'a.test.ts':
        "import { afterAll } from 'vitest'; describe('d', () => { afterAll(() => { throw new Error('b') }); test('a', () => {}) })",
    },
    '1 passed, 1 failed',
    1,
  ],
  [
    'a rejection that nobody handles',
    { 'a.test.ts': "test('a', async () => { Promise.reject(new Error('b')); await new Promise((go) => setTimeout(go, 50)) })" },
    '1 passed, 1 failed',
    1,
  ],
  ['no test at all', {}, '0 passed, 0 failed', 1],
])('the closing line counts %s', async (_, files, last, code) => expect(await closing(files)).toEqual({ last, code }))
