import { globSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { run, workFolder } from './checks/run.ts'
import { root } from './checks/source.ts'

/** `npm run types` as tests: what the compiler says of every type test, and of everything else. */
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const compile = async (...args: string[]): Promise<string[]> =>
  (await run([tsc, '--noEmit', '--pretty', 'false', ...args], root, 110_000)).out.split('\n').filter((line) => line !== '')

const typeTests = globSync('test/types/**/*.test-d.ts', { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()

describe('types', () => {
  let errors: string[] = []
  beforeAll(async () => {
    errors = await compile()
  })

  test.each(typeTests)('%s', (path) => expect(errors.filter((line) => line.startsWith(`${path}(`))).toEqual([]))

  test('everything else', () => expect(errors.filter((line) => !typeTests.some((path) => line.startsWith(`${path}(`)))).toEqual([]))

  test('a type test that does not hold is seen', async () => {
    const work = workFolder('bad-types')
    try {
      const path = join(work.path, 'bad.test-d.ts')
      writeFileSync(path, '// @ts-expect-error: a number is no string\nexport const a: string = "1"\n')
      writeFileSync(join(work.path, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['.'] }))
      expect((await compile('-p', work.path)).join()).toContain(`${relative(root, path)}(1,1): error TS2578`)
    } finally {
      work.remove()
    }
  })
})
