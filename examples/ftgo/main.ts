import { isPabalError } from 'pabal'
import { BadUsage, help, readOptions } from './lib/options.ts'
import { asJson, report } from './lib/report.ts'
import { runDemo } from './lib/run.ts'
import { CannotRun } from './lib/supervisor.ts'
import { BadOrders } from './lib/world.ts'

/** Errors of `connect` that the command line is to blame for. */
const badTransport = [
  'UNKNOWN_TRANSPORT',
  'UNKNOWN_OPTION',
  'INVALID_OPTION',
  'INVALID_CONFIGURATION',
  'STORE_UNUSABLE',
  'UNSUPPORTED',
  'DRIVER_MISSING',
] as const

async function main(): Promise<number> {
  try {
    const options = readOptions(process.argv.slice(2))
    if (options.help) {
      process.stdout.write(help)
      return 0
    }
    const human = options.json ? process.stderr : process.stdout
    const result = await runDemo(options, human)
    human.write(`${report(result)}\n`)
    if (options.json) process.stdout.write(`${asJson(result)}\n`)
    return result.verdict.lost.length + result.verdict.duplicated.length > 0 ? 1 : 0
  } catch (error) {
    if (error instanceof BadUsage) process.stderr.write(`${error.message}\nSee --help.\n`)
    else if (error instanceof BadOrders) process.stderr.write(`${error.message}\n`)
    else if (badTransport.some((code) => isPabalError(error, code))) process.stderr.write(`--transport: ${(error as Error).message}\n`)
    else {
      process.stderr.write(`${textOf(error)}\n`)
      return 3
    }
    return 2
  }
}

/** What was foreseen needs no stack. */
function textOf(error: unknown): string {
  if (isPabalError(error)) return `${error.code}: ${error.message}\n${error.hint}`
  return error instanceof CannotRun ? error.message : ((error as Error).stack ?? String(error))
}

process.exitCode = await main()
// Whatever a transport left behind must not hold a run that is over.
setTimeout(() => process.exit(), 2000).unref()
