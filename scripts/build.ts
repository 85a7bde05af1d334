/**
 * Compiles src/ to dist/, file by file, and makes one file of the command line. It works beside and then swaps, so that a process which
 * imports the package meanwhile finds either the old or the new files. What does not compile changes nothing. `node scripts/build.ts [folder]`.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { bundleCommand } from './bundle-command.ts'

const root = resolve(import.meta.dirname, '..')
const target = resolve(root, process.argv[2] ?? 'dist')
const work = join(root, '.tmp', `build-${process.pid}`)
const fresh = join(work, 'fresh')

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const run = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], { stdio: 'inherit' })

if (run.status !== 0) {
  rmSync(work, { recursive: true, force: true })
  process.exit(run.status ?? 1)
}
try {
  // The compiler rewrites `./x.ts` to `./x.js` in what runs, not in the declarations. A dynamic import is rewritten in both.
  for (const name of globSync('**/*.d.ts', { cwd: fresh })) {
    const path = join(fresh, name)
    const before = readFileSync(path, 'utf8')
    const after = before.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2')
    if (after !== before) writeFileSync(path, after)
  }
  await bundleCommand(fresh)
  mkdirSync(dirname(target), { recursive: true })
  try {
    renameSync(target, join(work, 'old'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  renameSync(fresh, target)
} finally {
  rmSync(work, { recursive: true, force: true })
}
