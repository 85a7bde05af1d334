import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { Kitchen } from './contracts/kitchen.contract.ts'
import { store } from './kitchen.ts'
import { contract } from './pabal.ts'

/** What only a process of its own shows: pipes, signals, colours. From source; what is published is tested in test/structure. */
const main = join(import.meta.dirname, '../../src/cli/main.ts')
const { url, folder, remove } = store()
beforeAll(async () => {
  const app = await connect(url, { logger: false })
  const client = app.client(Kitchen)
  for (let n = 0; n < 1000; n++) await client.note('x'.repeat(500))
  await app.close()
})
afterAll(remove)

const environment = { PATH: process.env.PATH, HOME: process.env.HOME }
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [main, ...args], { env: { ...environment, ...env }, encoding: 'utf8' })

test('results to the output, everything else to the error output; no warnings of Node, no colours in a pipe', () => {
  const { status, stdout, stderr } = run(['channels', url])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toContain('kitchen')
  expect(stdout).not.toContain('\u001b')
  const wrong = run(['chanels', url])
  expect({ status: wrong.status, stdout: wrong.stdout }).toEqual({ status: 2, stdout: '' })
  expect(wrong.stderr).toContain('Did you mean "channels"?')
})

test('colours where they are forced, and not where NO_COLOR is set', () => {
  expect(run(['channels', url], { FORCE_COLOR: '1' }).stdout).toContain('\u001b[')
  expect(run(['channels', url], { FORCE_COLOR: '1', NO_COLOR: '1' }).stdout).not.toContain('\u001b')
})

test('whoever reads only the first line ends it, quietly', () => {
  const line = `"${process.execPath}" "${main}" messages ${url} kitchen --limit 1000 --json | head -1; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', line], { env: environment, encoding: 'utf8' })
  expect(stderr).toBe('')
  const [first = '', status] = stdout.trim().split('\n')
  expect(JSON.parse(first)).toMatchObject({ type: 'note' })
  expect(status).toBe('0')
})

test('a contract in TypeScript, with the payload piped in', () => {
  const { status, stdout } = spawnSync(process.execPath, [main, 'send', url, contract, 'note', '-'], {
    env: environment,
    input: 'piped',
    encoding: 'utf8',
  })
  expect(status).toBe(0)
  expect(stdout).toMatch(/^Sent kitchen\.note /)
})

test.each([
  ['enum.ts', 'enum A { B }\nexport const a = A.B\n', 'it runs no enums'],
  ['ending.ts', "export { a } from './enum'\n", "files are imported with their endings: './menu.ts'"],
  ['package.mjs', "export { a } from 'a-package-that-is-not-there'\n", "Cannot find package 'a-package-that-is-not-there'"],
  ['throws.mjs', "throw new Error('no such setting')\n", 'cannot be loaded: no such setting'],
  ['other.cjs', 'module.exports = { a: 1 }\n', 'exports no contract'],
])('a contract that Node cannot load: %s', (name, text, said) => {
  const file = join(folder, name)
  writeFileSync(file, text)
  const { status, stderr } = run(['send', url, file, 'x', '{}'])
  expect(status).toBe(2)
  expect(stderr).toContain(said)
})

test('Ctrl-C ends what stays, in order', async () => {
  const child = spawn(process.execPath, [main, 'channels', url, '--watch'], { env: environment })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  child.kill('SIGINT')
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
})

test('a password in the environment is in no error', () => {
  const { status, stderr } = run(['channels'], { PABAL_URL: 'carrier-pigeon://me:hunter22@loft' })
  expect(status).toBe(2)
  expect(stderr).toContain('carrier-pigeon')
  expect(stderr).not.toContain('hunter22')
})
