import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compile, root, workFolder } from './compiler.ts'

/**
 * A team publishes its contracts as a package with declarations. The compiler must be able to name every type in them through
 * `pabal` itself: what `defineService` returns is written out there.
 */
const work = workFolder()
afterAll(work.remove)

test('the declarations of a contract in a package of its own name nothing but pabal', { timeout: 120_000 }, async () => {
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true }
  const installed = join(work.path, 'node_modules/pabal')
  await compile(work.path, ['../../src/index.ts'], { ...emit, rootDir: join(root, 'src'), outDir: installed })
  mkdirSync(installed, { recursive: true })
  writeFileSync(
    join(installed, 'package.json'),
    JSON.stringify({ name: 'pabal', type: 'module', exports: { '.': { types: './index.d.ts' } } }),
  )
  writeFileSync(join(work.path, 'package.json'), JSON.stringify({ name: 'contracts', type: 'module' }))
  const source = readFileSync(join(root, 'test/types/ftgo.ts'), 'utf8').replace("'../../src/contract/index.ts'", "'pabal'")
  writeFileSync(join(work.path, 'ftgo.ts'), source)

  const run = await compile(work.path, ['ftgo.ts'], { ...emit, paths: {}, rootDir: work.path, outDir: join(work.path, 'out') })
  // The fix where this fails with TS2883 is to export the type that it names from src/index.ts.
  expect(run.errors).toEqual([])
  const declared = readFileSync(join(work.path, 'out/ftgo.d.ts'), 'utf8')
  const imported = [...declared.matchAll(/(?:from |import\()["']([^"']+)["']/g)].map((found) => found[1])
  expect([...new Set(imported)]).toEqual(['pabal'])
})
