import { describe, expect, test } from 'vitest'
import { readArguments, resolveOperands } from '../../src/cli/frame/arguments.ts'
import type { Command } from '../../src/cli/frame/command.ts'
import { redacted } from '../../src/cli/frame/redact.ts'
import { closest } from '../../src/cli/frame/suggest.ts'
import { pabal } from '../../src/cli/pabal.ts'
import { cli } from './pabal.ts'

/** Every command with the words that lead to it. */
function all(command: Command, above: readonly string[] = []): { path: readonly string[]; command: Command }[] {
  return command.commands.flatMap((each) => [{ path: [...above, each.name], command: each }, ...all(each, [...above, each.name])])
}
const commands = all(pabal)

/** The words of a line as a shell has them, up to a pipe. */
const words = (line: string): string[] =>
  [...(line.split(/ \| | > /)[0] as string).matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? (c as string))

describe('help teaches', () => {
  test('the whole: commands, examples, exit codes', async () => {
    const { code, out } = await cli(['--help'])
    expect(code).toBe(0)
    for (const { name } of pabal.commands) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(out).toContain('Exit codes')
    for (const asked of [[], ['-h'], ['help']]) expect(await cli(asked)).toEqual({ code: 0, out, err: '' })
  })

  test.each(commands.map(({ path, command }) => [path.join(' '), path, command] as const))('%s', async (_, path, command) => {
    const { code, out } = await cli([...path, '--help'])
    expect(code).toBe(0)
    expect(out).toContain(`pabal ${path.join(' ')} `)
    expect(out).toContain('Examples')
    for (const name of Object.keys(command.args)) expect(out).toContain(`--${name}`)
    expect(await cli(['help', ...path])).toEqual({ code: 0, out, err: '' })
  })

  test('no line is longer than the terminal is wide, but for examples', async () => {
    for (const { path } of commands) {
      const { out } = await cli([...path, '--help'], { columns: 60 })
      const long = (out.split('Examples')[0] as string).split('\n').filter((line) => line.length > 60 && !line.includes('pabal '))
      expect(long, path.join(' ')).toEqual([])
    }
  })

  test.each(
    [{ path: [], command: pabal }, ...commands]
      .flatMap(({ command }) => command.examples.map(([line]) => line))
      .filter((line) => /pabal /.test(line)),
  )('the example can be called: %s', (line) => {
    const [, ...rest] = words(line.slice(line.indexOf('pabal ')).replace(/^(.*?)\)$/, '$1'))
    let command = pabal
    while (command.commands.length > 0)
      command = command.commands.find(({ name }) => name === rest[0] && rest.shift() !== undefined) as Command
    resolveOperands(command, readArguments(command, rest), {})
  })

  test('the version', async () => expect((await cli(['--version'])).out).toBe('1.2.3\n'))
})

test.each([
  [['chanels'], 'There is no command "chanels". Did you mean "channels"?'],
  [['dead-leters', 'list'], 'Did you mean "dead-letters"?'],
  [['dead-letters', 'redirve'], 'Did you mean "redrive"?'],
  [['dead-letters'], 'Say what to do.'],
  [['--json', 'channels'], 'options stand after the command'],
  [['channels', 'sqlite:x', '--jsn'], 'There is no option --jsn. Did you mean "--json"?'],
  [['channels', 'sqlite:x', '--scan'], '--scan needs a value: --scan N.'],
  [['channels', 'sqlite:x', '--scan', '--json'], '--scan needs a value'],
  [['channels', 'sqlite:x', '--scan', '0'], '--scan is "0", give a whole number from 1.'],
  [['channels', 'sqlite:x', '--every', 'soon'], '--every is "soon", give a time such as'],
  [['channels', 'sqlite:x', '--json=yes'], '--json takes no value'],
  [['channels', 'sqlite:x', '--scan', '1', '--scan', '2'], '--scan was given twice'],
  [['channels'], 'Say which store or broker: give its URL first'],
  [['channels', 'store.db'], '"store.db" has no scheme'],
  [['channels', 'sqlite:x', '--url', 'sqlite:y'], 'Two URLs were given'],
  [['messages', 'sqlite:x'], 'CHANNEL is missing'],
  [['messages', 'sqlite:x', 'kitchen', 'more'], '"more" is too much: this command takes CHANNEL after the URL.'],
  [['channels', 'memory:'], 'lives in the process that made it'],
  [['channels', 'carrier-pigeon://x'], 'no transport answers to "carrier-pigeon:"'],
  [['completion', 'tcsh'], 'There is no completion for "tcsh"'],
])('asked wrongly: %j', async (args, said) => {
  const { code, out, err } = await cli(args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(said)
  if (!err.startsWith('UNKNOWN_TRANSPORT')) expect(err).toMatch(/pabal.* --help/)
})

test('the URL may come first, by --url or from the environment', async () => {
  const said = 'There is no file nowhere.db'
  for (const [args, env] of [
    [['channels', 'sqlite:nowhere.db'], {}],
    [['channels', '--url', 'sqlite:nowhere.db'], {}],
    [['channels'], { PABAL_URL: 'sqlite:nowhere.db' }],
    [['channels', 'sqlite:nowhere.db'], { PABAL_URL: 'sqlite:elsewhere.db' }],
  ] as const) {
    const { code, err } = await cli(args, { env })
    expect(code).toBe(3)
    expect(err).toContain(said)
  }
})

describe('secrets', () => {
  test.each([
    ['amqp://guest:s3cr:et@host:5672/v failed', [], 'amqp://guest:***@host:5672/v failed'],
    ['kafka://host?saslPassword=hunter22&x=1', [], 'kafka://host?saslPassword=***&x=1'],
    ['login hunter22 refused', ['kafka://u:hunter22@host'], 'login *** refused'],
    ['login a b/c refused', ['amqp://u:a%20b%2Fc@host'], 'login *** refused'],
    ['see https://example.org/a@b', [], 'see https://example.org/a@b'],
    ['two: amqp://a:xxxxx@h and amqp://b:yyyyy@h', [], 'two: amqp://a:***@h and amqp://b:***@h'],
  ])('%s', (text, urls, shown) => expect(redacted(text, urls)).toBe(shown))

  test('an error names the URL without its password', async () => {
    const { code, err } = await cli(['channels', 'carrier-pigeon://me:hunter22@loft?token=abcdef'])
    expect(code).toBe(2)
    expect(err).not.toMatch(/hunter22|abcdef/)
  })
})

test.each([
  ['redirve', 'redrive'],
  ['chan', 'channels'],
  ['lsit', 'list'],
  ['zebra', undefined],
  ['x', undefined],
])('%s is probably %s', (word, meant) => expect(closest(word, ['channels', 'redrive', 'list', 'discard'])).toBe(meant))
