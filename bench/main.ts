import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import pc from 'picocolors'
import { core } from './core/suite.ts'
import { compare, type Pair, type Row } from './pair.ts'
import { brokers, transports } from './transports/suite.ts'

const suites = ['core', 'transports']

const help = `npm run bench -- [options]

Compares Pabal with the same work written by hand. Both take turns, once they are warm; the ratio is the median of the ratios of all rounds.

  --suite NAME    ${suites.join(', ')} (default core)
  --transport X   transports: only ${Object.keys(brokers).join(' or ')}
  --url URL       transports: the server of that transport (default: loopback)
  --long          transports: a million messages wait where 100,000 do otherwise
  --only TEXT     only the rows whose name holds TEXT
  --rounds N      rounds a row (default: each row's own)
  --json FILE     writes { "rows": [{ "name", "rate", "raw", "ratio", … }] }
  --help

For rates more is better; for times, sizes and shares less is; a ratio above 1 is always good for Pabal. Rows marked
"limit" have no counterpart by hand: their raw column is the bound to keep. Rows with the name of another library
have its figure in the raw column.`

function usage(problem: string): never {
  console.error(`${problem}\n\n${help}`)
  process.exit(2)
}

function options() {
  try {
    return parseArgs({
      options: {
        suite: { type: 'string', default: 'core' },
        transport: { type: 'string' },
        url: { type: 'string' },
        long: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    return usage((error as Error).message)
  }
}

const given = options()
if (given.help) {
  console.log(help)
  process.exit(0)
}

async function pairsOf(suite: string): Promise<readonly Pair[]> {
  const { transport, url, long } = given
  if (suite === 'core') return core
  if (suite !== 'transports') return usage(`There is no suite "${suite}".`)
  if (transport !== undefined && !Object.hasOwn(brokers, transport))
    return usage(`There is no transport "${transport}", there are ${Object.keys(brokers).join(' and ')}.`)
  if (url !== undefined && transport === undefined) return usage('--url needs --transport.')
  return transports(transport, url, long)
}

const rounds = given.rounds === undefined ? undefined : Number(given.rounds)
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) usage(`--rounds is "${given.rounds}", give a whole number from 1.`)
const pairs = (await pairsOf(given.suite)).filter((pair) => given.only === undefined || pair.name.includes(given.only))
if (pairs.length === 0) usage(`No row of ${given.suite} holds "${given.only}".`)

const rows: Row[] = []
for (const [i, pair] of pairs.entries()) {
  process.stderr.write(`${i + 1}/${pairs.length} ${pair.name} …\n`)
  rows.push(...(await compare(pair, rounds ?? pair.rounds)))
}

const figure = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : value >= 10 ? value.toFixed(1) : value.toFixed(3)
const table = new Table({
  head: ['', 'pabal', 'raw', 'unit', 'ratio', 'aim', 'spread'],
  style: { head: [] },
  colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right'],
})
for (const row of rows) {
  const ratio = `${row.ratio.toFixed(2)}×`
  table.push([
    row.peer === undefined ? row.name : `  ${row.name.slice(row.name.lastIndexOf(': ') + 2)} (${row.peer})`,
    figure(row.rate),
    `${figure(row.raw)}${row.limit ? ' (limit)' : ''}`,
    row.unit,
    row.peer !== undefined ? ratio : row.ratio >= row.aim ? pc.green(ratio) : pc.yellow(ratio),
    row.peer === undefined ? `${row.aim}×` : '',
    `±${(row.spread * 100).toFixed(0)}%`,
  ])
}
console.log(table.toString())
if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify({ suite: given.suite, node: process.version, rows }, null, 2)}\n`)
