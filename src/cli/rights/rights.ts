import { rightsFor } from '../../service/rights.ts'
import { loadContracts } from '../contract/file.ts'
import { pairs } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { Usage } from '../frame/exit.ts'
import { didYouMean } from '../frame/suggest.ts'
import { paintFor } from '../view/paint.ts'
import { wrapped } from '../view/text.ts'
import { participationOf } from './participation.ts'

/** `pabal rights`. */
export const rights = command({
  name: 'rights',
  summary: "Prints the least permissions that each service needs on a broker, from the services' contracts.",
  about:
    "A contract says what a service accepts, publishes, uses and answers. Which events it subscribes to is said in its code, so say it here with --on. The URL names the broker and the environment (prefix, vhost); nothing is connected to, and nothing is changed: run what is printed with the broker's own tool. Each service makes its own channels; start the owner of a channel before those who send to it.",
  url: 'optional',
  operands: [{ name: 'CONTRACT', says: 'modules that export contracts, .ts or .js', many: true }],
  args: {
    transport: { type: 'enum', options: ['amqp', 'kafka'], description: 'instead of a URL: a broker of this kind, on this machine' },
    service: { type: 'string', valueHint: 'SERVICE', description: 'only of these services' },
    on: { type: 'string', valueHint: 'SERVICE=AGGREGATE', description: 'a service subscribes to the events of an aggregate' },
    user: { type: 'string', valueHint: 'SERVICE=USER', description: "the broker's user of a service, where it is not called like it" },
    json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
  },
  repeated: ['service', 'on', 'user'],
  examples: [
    ['pabal rights amqp://broker/ftgo kitchen.contract.ts order.contract.ts --on order=Ticket', 'for rabbitmqctl'],
    ["pabal rights 'kafka://broker:9092?prefix=test.' kitchen.contract.ts", 'for kafka-acls.sh'],
    ['pabal rights --transport amqp kitchen.contract.ts --json | jq -r .write', 'one of the patterns'],
  ],
  run: async ({ args, all, operands, url: given, shell }) => {
    if (args.transport === undefined && given === '') throw new Usage('Say which broker: give its URL, or --transport amqp|kafka.')
    const url = args.transport === undefined ? given : `${args.transport}://127.0.0.1`
    const contracts = await loadContracts(operands, shell)
    const names = contracts.map(({ name }) => name)
    const known = (name: string): string => {
      if (!names.includes(name))
        throw new Usage(`There is no contract of "${name}" here; there are ${names.join(', ')}.${didYouMean(name, names)}`)
      return name
    }
    const subscriptions = pairs(all('on'), '--on').map(([name, aggregate]) => [known(name), aggregate] as const)
    const users = new Map(pairs(all('user'), '--user').map(([name, user]) => [known(name), user]))
    const wanted = all('service').map(known)
    const paint = paintFor(shell.out)
    const notes = new Set<string>()
    for (const contract of contracts) {
      const { name } = contract
      if (wanted.length > 0 && !wanted.includes(name)) continue
      const subscribes = subscriptions.filter(([service]) => service === name).map(([, aggregate]) => aggregate)
      const user = users.get(name) ?? name
      const found = await rightsFor(participationOf(contract, subscribes), url, user)
      if (args.json === true) shell.out.write(`${JSON.stringify({ service: name, user, ...found.value })}\n`)
      else shell.out.write(`${paint.dim(`# ${name}`)}\n${found.lines.join('\n')}\n`)
      for (const note of found.notes) notes.add(note)
    }
    for (const note of notes) shell.err.write(`${paintFor(shell.err).dim(wrapped(note, Math.min(shell.err.columns, 120)))}\n`)
  },
})
