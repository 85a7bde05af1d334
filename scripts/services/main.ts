import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import pc from 'picocolors'
import { kafka } from './kafka.ts'
import { nats } from './nats.ts'
import { rabbitmq } from './rabbitmq.ts'
import { type Recipe, type ServerName, serverNames } from './recipe.ts'
import { down, type Status, status, up } from './usual.ts'

const help = `npm run services up|down|status [rabbitmq] [kafka] [nats] [--json]

  up       starts what does not listen on its usual port, on loopback, with its data in a temporary folder;
           what the machine lacks is installed (Debian packages; Kafka's jars through Maven)
  down     ends what up started, and no other, and removes its data
  status   what listens, where, and who started it

All three unless named. PABAL_KAFKA_PORT and PABAL_AMQP_URL move the ports. Without Debian: docker compose up (compose.yaml).
`
const recipes: Readonly<Record<ServerName, Recipe>> = { rabbitmq, kafka, nats }

async function main(): Promise<number> {
  let asked: Asked
  try {
    asked = read()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  const { what, chosen, json } = asked
  if (what === 'help') {
    console.log(help)
    return 0
  }
  const say = (text: string) => console.error(text)
  const work = { up, down: ended, status: async () => {} }
  const results = await Promise.allSettled(chosen.map((recipe) => work[what](recipe, say)))
  const failures = results.filter((result) => result.status === 'rejected')
  for (const { reason } of failures) console.error(pc.red(reason instanceof Error ? reason.message : String(reason)))
  const found = await Promise.all(chosen.map(status))
  if (json) console.log(JSON.stringify(found))
  else if (what !== 'down') console.log(table(found))
  return failures.length === 0 && (what !== 'status' || found.every(({ running }) => running)) ? 0 : 1
}

async function ended(recipe: Recipe, say: (text: string) => void): Promise<void> {
  const done = await down(recipe)
  say(done ? `${recipe.name} ended` : `${recipe.name}: not started by this command`)
}

interface Asked {
  readonly what: 'up' | 'down' | 'status' | 'help'
  readonly chosen: readonly Recipe[]
  readonly json: boolean
}

function read(): Asked {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
  })
  const [what = values.help ? 'help' : 'status', ...names] = positionals
  if (what !== 'up' && what !== 'down' && what !== 'status' && what !== 'help') throw new Error(`${what}: give up, down or status`)
  for (const name of names)
    if (!Object.hasOwn(recipes, name)) throw new Error(`there is no server ${name}: there are ${serverNames.join(', ')}`)
  const chosen = (names.length === 0 ? serverNames : names).map((name) => recipes[name as ServerName])
  return { what: values.help ? 'help' : what, chosen, json: values.json }
}

function table(found: readonly Status[]): string {
  const rows = new Table({ head: ['server', 'port', 'state', 'started by', 'URL'], style: { head: [], border: [] } })
  for (const { name, port, running, by, pid, url } of found) {
    const who = by === 'services' ? `services up (process ${pid})` : by === 'other' ? 'another' : ''
    rows.push([name, port, running ? pc.green('listens') : pc.red('down'), who, url])
  }
  return rows.toString()
}

process.exitCode = await main()
