import { parseArgs } from 'node:util'
import { type ChaosResult, chaos } from '../test/process/chaos/director.ts'
import { type TransportName, transports } from '../test/process/chaos/stage.ts'

const help = `npm run kill -- --transport sqlite|amqp|kafka --kills N --seed S [--broker-kills N]

Kills producers, consumers and, on amqp and kafka, the broker (one of its own, started for this), at seeded moments and points, and
compares the ledgers at the end. The same seed plans the same deaths.

  --transport     where messages travel (default: sqlite)
  --kills         of producers and consumers together (default: 100)
  --broker-kills  (default: a tenth of --kills; sqlite has no broker)
  --seed          (default: a new one, which is printed)

Exit codes: 0 every promise held; 1 one did not; 2 bad usage.`

interface Asked {
  readonly transport: TransportName
  readonly kills: number
  readonly brokerKills: number
  readonly seed: number
}

function read(): Asked | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { transport: text, kills: text, 'broker-kills': text, seed: text, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) return undefined
  const transport = transports.find((name) => name === (values.transport ?? 'sqlite'))
  if (transport === undefined) throw new Error(`--transport ${values.transport}: give one of ${transports.join(', ')}`)
  const kills = number('--kills', values.kills, 100)
  const brokerKills = number('--broker-kills', values['broker-kills'], transport === 'sqlite' ? 0 : Math.ceil(kills / 10))
  if (transport === 'sqlite' && brokerKills > 0) throw new Error('--broker-kills: sqlite has no broker')
  return { transport, kills, brokerKills, seed: number('--seed', values.seed, Date.now() % 1_000_000) }
}

function number(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(value) || value < 0 || text === '') throw new Error(`${name} ${text}: give a whole number from 0`)
  return value
}

/** A line that is drawn anew on a terminal, one now and then elsewhere. */
function teller(total: number): (kills: ChaosResult['kills']) => void {
  const { isTTY } = process.stderr
  const began = performance.now()
  let last = 0
  return ({ producer, consumer, broker }) => {
    const done = producer + consumer + broker
    if (!isTTY && done < total && performance.now() - last < 10_000) return
    last = performance.now()
    const line = `  ${done}/${total} killed (${producer} producers, ${consumer} consumers, ${broker} brokers), ${((last - began) / 1000).toFixed(0)} s`
    process.stderr.write(isTTY ? `\r\x1b[K${line}${done === total ? '\n' : ''}` : `${line}\n`)
  }
}

async function main(): Promise<number> {
  let asked: Asked | undefined
  try {
    asked = read()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  if (asked === undefined) {
    console.log(help)
    return 0
  }
  const { transport, kills, brokerKills, seed } = asked
  const again = `npm run kill -- --transport ${transport} --kills ${kills} --broker-kills ${brokerKills} --seed ${seed}`
  console.error(again)
  const { faults, ...numbers } = await chaos({ ...asked, progress: teller(kills + brokerKills) })
  console.log(JSON.stringify(numbers))
  for (const fault of faults.slice(0, 50)) console.error(`FAULT ${fault}`)
  if (faults.length === 0) return 0
  console.error(`${faults.length} faults; again with: ${again}`)
  return 1
}

process.exitCode = await main()
