import { runCommand } from 'citty'
import { isPabalError } from '../../errors.ts'
import { paintFor } from '../view/paint.ts'
import { readArguments, resolveOperands } from './arguments.ts'
import type { Command } from './command.ts'
import { exit, exitCodeOf, Interrupted, Unreachable, Usage } from './exit.ts'
import { helpOf, usageOf } from './help.ts'
import { redacted } from './redact.ts'
import type { Shell } from './shell.ts'
import { didYouMean } from './suggest.ts'

/** Finds the command that is meant, runs it, and says what went wrong. Resolves with the exit code. */
export async function run(root: Command, args: readonly string[], shell: Shell, version: () => string): Promise<number> {
  let path = [root.name]
  let command = root
  let begun = false
  const urls = new Set<string>(shell.env.PABAL_URL === undefined ? [] : [shell.env.PABAL_URL])
  try {
    let rest = args[0] === 'help' ? [...args.slice(1), '--help'] : [...args]
    if (rest.length === 1 && (rest[0] === '--version' || rest[0] === '-v')) {
      shell.out.write(`${version()}\n`)
      return exit.done
    }
    while (command.commands.length > 0) {
      const [name, ...others] = rest
      if (name === undefined && command !== root) throw new Usage('Say what to do.')
      if (name === undefined || name === '--help' || name === '-h') return help(path, command, shell)
      const known = command.commands.map((each) => each.name)
      const next = command.commands.find((each) => each.name === name)
      if (next === undefined) {
        const what = name.startsWith('-') ? `option ${name} here: options stand after the command` : `command "${name}"`
        throw new Usage(`There is no ${what}.${didYouMean(name, known)}`)
      }
      command = next
      path = [...path, name]
      rest = others
    }
    const written = readArguments(command, rest)
    if (written.help) return help(path, command, shell)
    const { url, operands } = resolveOperands(command, written, shell.env)
    if (url !== '') urls.add(url)
    const data = { shell, url, operands, all: (name: string) => written.all.get(name) ?? [] }
    begun = true
    const { result } = await runCommand(command.citty, { rawArgs: rest, data })
    return typeof result === 'number' ? result : exit.done
  } catch (error) {
    shell.err.write(`${redacted(textOf(error, path, command, shell, begun), urls)}\n`)
    return exitCodeOf(error)
  }
}

function help(path: readonly string[], command: Command, shell: Shell): number {
  shell.out.write(`${helpOf(path, command, shell.out.columns, paintFor(shell.out))}\n`)
  return exit.done
}

function textOf(error: unknown, path: readonly string[], command: Command, shell: Shell, begun: boolean): string {
  const paint = paintFor(shell.err)
  if (error instanceof Usage) {
    const known = command.commands.map(({ name }) => name).join(', ')
    const how = known === '' ? `Usage: ${usageOf(path, command)}` : `Commands: ${known}`
    return [paint.red(error.message), ...(begun ? [] : ['', how]), `${path.join(' ')} --help shows examples.`].join('\n')
  }
  if (error instanceof Unreachable || error instanceof Interrupted) return paint.red(error.message)
  if (isPabalError(error)) return `${paint.red(`${error.code}: ${error.message}`)}\n${error.hint}`
  // Nobody foresaw it: all that is known.
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
