#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { isPabalError } from '../errors.ts'
import { inspect } from './inspect.ts'
import { Usage } from './usage.ts'

/** Exit codes: 0 done, 1 it went wrong, 2 it was asked wrongly. */
const help = `pabal COMMAND

  inspect URL    what waits in a store: channels, groups, parked messages, and the messages themselves

pabal COMMAND --help tells more; pabal --version says which this is.`

async function run(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') console.log(help)
  else if (command === '--version' || command === '-v') console.log(version())
  else if (command === 'inspect') await inspect(rest)
  else throw new Usage(`There is no command ${JSON.stringify(command)}.`, help)
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

run(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof Usage) {
    console.error(`${error.message}\n\n${error.help}`)
    process.exitCode = 2
  } else {
    console.error(isPabalError(error) ? `${error.code}: ${error.message}\n${error.hint}` : error)
    process.exitCode = 1
  }
})
