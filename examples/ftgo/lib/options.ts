import { parseArgs } from 'node:util'
import { shippedOrders } from './world.ts'

export const help = `FTGO: six services in six processes deliver food by messages.

  node examples/ftgo/main.ts [options]        (or: npm run demo -- [options])

  --orders FILE         orders to place (default: the 60 that ship with the demo)
  --count N             how many orders, starting over at the end of the file (default: every one once)
  --rate N              orders a second (default: 10)
  --chaos               kill services at random with SIGKILL, and start them again; the broker too, where the demo started it
  --seed N              fixes which service is killed when (default: a new one, which is printed)
  --break idempotency   handlers do again what they have done already; with --chaos the ledger shows it
  --transport URL       where messages travel: sqlite:FILE, amqp://…, kafka://… (default: sqlite: in a fresh temporary folder);
                        amqp or kafka alone: a broker that the demo starts on this machine and ends
  --keep                keep that folder, with the databases, journals and logs
  --json                print one line of JSON to stdout, everything else to stderr
  --help                this text

Exit codes: 0 every order came to its end once; 1 something was lost or done twice; 2 bad usage; 3 a service could not run.
`

export interface Options {
  readonly orders: string
  readonly count: number | undefined
  readonly rate: number
  readonly chaos: boolean
  readonly seed: number
  readonly careless: boolean
  readonly transport: string | undefined
  readonly keep: boolean
  readonly json: boolean
  readonly help: boolean
}

/** What was asked for on the command line makes no sense. */
export class BadUsage extends Error {}

export function readOptions(args: readonly string[]): Options {
  const values = parsed(args)
  if (values.break !== undefined && values.break !== 'idempotency')
    throw new BadUsage(`--break ${values.break}: only idempotency can be broken`)
  if (values.transport?.startsWith('memory:')) throw new BadUsage('--transport memory: lives in one process, and this is about several')
  return {
    orders: values.orders ?? shippedOrders,
    count: values.count === undefined ? undefined : number('--count', values.count, 1, true),
    rate: values.rate === undefined ? 10 : number('--rate', values.rate, 0.1, false),
    chaos: values.chaos,
    seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : number('--seed', values.seed, 0, true),
    careless: values.break === 'idempotency',
    transport: values.transport,
    keep: values.keep,
    json: values.json,
    help: values.help,
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        orders: { type: 'string' },
        count: { type: 'string' },
        rate: { type: 'string' },
        chaos: { type: 'boolean', default: false },
        seed: { type: 'string' },
        break: { type: 'string' },
        transport: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new BadUsage(error instanceof Error ? error.message : String(error))
  }
}

function number(name: string, text: string, least: number, whole: boolean): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value) || value < least || (whole && !Number.isSafeInteger(value))) {
    throw new BadUsage(`${name} ${text}: give a ${whole ? 'whole ' : ''}number from ${least}`)
  }
  return value
}
