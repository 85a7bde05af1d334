import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { cli } from './pabal.ts'

const script = async (shell: string): Promise<string> => (await cli(['completion', shell])).out
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

describe('bash', () => {
  /** What bash itself offers for a line whose last word is being written. */
  const offered = async (...words: string[]): Promise<string[]> => {
    const text = `${await script('bash')}
COMP_WORDS=(${['pabal', ...words].map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_pabal
printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', text], { encoding: 'utf8', cwd: import.meta.dirname })
    expect(stderr).toBe('')
    return stdout.split('\n').filter((word) => word !== '')
  }

  test.each([
    [['ch'], ['channels']],
    [['dead-letters', 're'], ['redrive']],
    [['dead-letters', 'redrive', '--d'], ['--dry-run']],
    [
      ['channels', '--s'],
      ['--shards', '--scan'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['send', 'contracts/k'], ['contracts/kitchen.contract.ts']],
    [['channels', '--scan', ''], []],
  ])('%j', async (words, expected) => expect(await offered(...words)).toEqual(expected))

  test('every command', async () =>
    expect(await offered('')).toEqual(expect.arrayContaining(['channels', 'listen', 'send', 'request', 'dead-letters', 'parked', 'help'])))
})

/** The other shells are not on every machine. What the scripts say is looked at everywhere, what the shells make of it where they are. */
describe.each(['zsh', 'fish'])('%s', (shell) => {
  test('names every command and its options', async () => {
    const text = await script(shell)
    for (const word of ['channels', 'dead-letters', 'redrive', 'dry-run', 'contract']) expect(text).toContain(word)
  })

  test.skipIf(!has(shell))(`${shell} can read it (skipped where ${shell} is not installed)`, async () => {
    const { status, stderr } = spawnSync(shell, ['-n'], { input: await script(shell), encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
