import { execFile } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Entries, entryFaults } from './checks/entries.ts'
import { run, workFolder } from './checks/run.ts'
import { root } from './checks/source.ts'

/** The package as it is published, packed from what was built and installed in a folder of its own. */
const exec = promisify(execFile)
const work = workFolder('package')
afterAll(work.remove)
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8').replace(/^\s*\/\/.*$/gm, ''))
const manifest = json('package.json')

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

async function pack(folder: string, to: string): Promise<Packed> {
  mkdirSync(to, { recursive: true })
  // Without its scripts: a build in the middle of a test run would take the package away from the others.
  const { stdout } = await exec('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], { cwd: folder })
  return JSON.parse(stdout)[0]
}

async function attw(tarball: string): Promise<{ clean: boolean; said: string }> {
  const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  const { code, out, err } = await run([cli, tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii', '--no-emoji'])
  return { clean: code === 0, said: out + err }
}

const lint = async (tarball: string) => {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer } })
  return messages.map(({ code, path }) => `${code} ${path.join('.')}`)
}

let packed: Packed
let tarball: string
beforeAll(async () => {
  packed = await pack(root, work.path)
  tarball = join(work.path, packed.filename)
  // A package of its own, so that `pabal` means what was installed and not the repository around it.
  writeFileSync(join(work.path, 'package.json'), '{}')
  mkdirSync(join(work.path, 'node_modules/pabal'), { recursive: true })
  await exec('tar', ['xzf', tarball, '-C', join(work.path, 'node_modules/pabal'), '--strip-components=1'])
})

describe('entries', () => {
  const given: Entries = {
    exports: manifest.exports,
    sources: globSync('**/*.ts', { cwd: join(root, 'src') }),
    built: globSync('**/*.{js,ts}', { cwd: join(root, 'dist') }),
    page: readFileSync(join(root, 'docs/reference/entries.md'), 'utf8'),
    paths: json('tsconfig.json').compilerOptions.paths,
  }

  test('exports, built files, documentation and compiler paths agree', () => expect(entryFaults(given)).toEqual([]))

  test.each<[string, Partial<Entries>, string]>([
    ['an undocumented one', { page: given.page.replace('| `pabal/memory` |', '| memory |') }, 'docs: pabal/memory is not documented'],
    ['one documented too much', { page: `${given.page}\n| \`pabal/nats\` | x |` }, 'docs: pabal/nats is no entry'],
    ['one that was not built', { built: given.built.filter((path) => path !== 'index.d.ts') }, 'dist: ./dist/index.d.ts was not built'],
    ['one without an export', { sources: [...given.sources, 'transport/nats/index.ts'] }, 'exports: ./nats is not'],
    ['one without a source', { sources: given.sources.filter((path) => path !== 'testing/index.ts') }, 'exports: ./testing has no source'],
    ['one without a path', { paths: {} }, 'tsconfig.json: pabal is not ./src/index.ts'],
  ])('%s is found', (_, change, fault) => expect(entryFaults({ ...given, ...change }).join()).toContain(fault))
})

const imports = (path: string): string =>
  [...readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*(['"][^'"]+['"])/g)].map(([, specifier]) => specifier).join('\n')

describe('what is published', () => {
  const surplus = (paths: readonly string[]) =>
    paths.filter((path) => !/^(?:package\.json|README\.md|LICENSE|dist\/.*\.(?:js|d\.ts)|dist\/cli\/THIRD-PARTY\.txt)$/.test(path))

  test('holds what was built and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    console.log(
      `packed: ${(packed.size / 1024).toFixed(0)} KiB, installed: ${(packed.unpackedSize / 1024).toFixed(0)} KiB, files: ${paths.length}`,
    )
    expect(surplus(paths)).toEqual([])
    expect(paths).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']))
    expect(packed.size).toBeLessThan(512 * 1024)
    expect(surplus(['dist/index.js', 'src/index.ts', '.env'])).toEqual(['src/index.ts', '.env'])
  })

  test('has no dependencies, and declarations that name files which exist', () => {
    expect(manifest.dependencies).toBeUndefined()
    const dist = join(work.path, 'node_modules/pabal/dist')
    const wrong = globSync('**/*.d.ts', { cwd: dist }).filter((path) => /['"]\.{1,2}\/[^'"]*(?<!\.js)['"]/.test(imports(join(dist, path))))
    expect(wrong).toEqual([])
  })
  test('publint finds nothing', async () => expect(await lint(tarball)).toEqual([]))

  test('are the types wrong? No', async () => {
    const { clean, said } = await attw(tarball)
    expect(clean, said).toBe(true)
  })

  test('both find what is wrong with a bad package', async () => {
    const bad = join(work.path, 'bad')
    mkdirSync(bad)
    const exports = { '.': { types: './index.d.ts', default: './index.js' }, './other': { types: './missing.d.ts', default: './index.js' } }
    writeFileSync(join(bad, 'package.json'), JSON.stringify({ name: 'bad', version: '1.0.0', type: 'module', exports }))
    writeFileSync(join(bad, 'index.js'), 'export const a = 1\n')
    writeFileSync(join(bad, 'index.d.ts'), 'export declare const a: number\n')
    const { filename } = await pack(bad, join(work.path, 'bad-packed'))
    const file = join(work.path, 'bad-packed', filename)
    expect((await lint(file)).join()).toContain('FILE_DOES_NOT_EXIST exports../other.types')
    expect((await attw(file)).clean).toBe(false)
  })
})

describe('loading it', () => {
  const script = (name: string, text: string) => {
    const path = join(work.path, name)
    writeFileSync(path, text)
    return run([path], work.path)
  }
  const names = Object.keys(manifest.exports)
    .filter((key) => key !== './package.json')
    .map((key) => key.replace(/^\./, 'pabal'))

  test.each(names)('%s by import and by require: the same things', async (name) => {
    const imported = await script('a.mjs', `console.log(Object.keys(await import('${name}')).sort().join())`)
    const required = await script(
      'a.cjs',
      `console.log(Object.keys(require('${name}')).filter((key) => key !== '__esModule').sort().join())`,
    )
    expect(imported.err).toBe('')
    expect(imported.out.trim()).not.toBe('')
    expect(required).toEqual(imported)
  })

  test('nothing else can be imported', async () => {
    const { err } = await script('inner.mjs', "await import('pabal/dist/errors.js')")
    expect(err).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('importing pabal is quick and loads no transport', async () => {
    const text = `const before = performance.now()
await import('pabal')
console.log(JSON.stringify({ ms: performance.now() - before, sqlite: process.moduleLoadList.some((name) => / sqlite$/.test(name)) }))`
    const runs: { ms: number; sqlite: boolean }[] = []
    for (let i = 0; i < 5; i++) runs.push(JSON.parse((await script('time.mjs', text)).out))
    const median = runs.map(({ ms }) => ms).sort((a, b) => a - b)[2] as number
    console.log(`import 'pabal': ${median.toFixed(0)} ms (median of ${runs.length} fresh processes)`)
    expect(median).toBeLessThan(1000)
    expect(runs.map(({ sqlite }) => sqlite)).not.toContain(true)
    const loaded = await script('with.mjs', text.replace("'pabal'", "'node:sqlite'"))
    expect(JSON.parse(loaded.out).sqlite).toBe(true)
  })

  test.each(['nodenext', 'bundler'])('its declarations need no types of Node, for the compiler with %s', async (moduleResolution) => {
    const folder = join(work.path, moduleResolution)
    mkdirSync(folder, { recursive: true })
    const lines = names.map((name, index) => `import * as m${index} from '${name}'\nexport const e${index} = m${index}\n`)
    writeFileSync(join(folder, 'all.mts'), lines.join(''))
    const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext'
    const compilerOptions = { target: 'es2023', module, moduleResolution, types: [], strict: true, skipLibCheck: false, noEmit: true }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['all.mts'] }))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { out } = await run([tsc, '-p', '.', '--pretty', 'false'], folder)
    expect(out).toBe('')
  })

  test('the command, with all that it needs in one file and their licenses beside it', async () => {
    const command = join(work.path, 'node_modules/pabal', manifest.bin.pabal)
    const { code, out } = await run([command, '--help'], work.path)
    expect({ code, first: out.split('\n')[2] }).toEqual({ code: 0, first: '  pabal COMMAND' })
    expect((await run([command, '--version'], work.path)).out).toBe(`${manifest.version}\n`)
    expect((await run([command, 'nonsense'], work.path)).code).toBe(2)
    // As a Node does that does not run TypeScript.
    writeFileSync(join(work.path, 'a.contract.ts'), 'export const a: number = 1\n')
    const old = await run(['--no-experimental-strip-types', command, 'send', 'sqlite:a.db', 'a.contract.ts', 'x', '{}'], work.path)
    expect(old.code).toBe(2)
    expect(old.err).toContain('use Node 22.18 or newer, or give the compiled .js file')
    expect(globSync('**/*', { cwd: join(command, '..') }).sort()).toEqual(['THIRD-PARTY.txt', 'main.js'])
    // Only files of the library and of Node are left outside.
    const outside = imports(command)
      .split('\n')
      .filter((specifier) => !/^["'](?:node:|\.\.\/)/.test(specifier))
    expect(outside).toEqual([])
    const licenses = readFileSync(join(command, '../THIRD-PARTY.txt'), 'utf8')
    expect(licenses).toMatch(/## citty [\d.]+\n\nMIT License[\s\S]*## scule/)
  })
})
