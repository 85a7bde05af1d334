import type { ServiceData, UseData } from '../../contract/data.ts'
import { PlainOrigin } from '../../interaction/origin.ts'
import { Outbound } from '../../interaction/outbound.ts'
import { Port, type SendFields } from '../../interaction/port.ts'
import { UsePort } from '../../service/calls.ts'
import type { Outgoing, SendResult } from '../../transport/seam.ts'
import { connected } from '../connected.ts'
import { loadContracts } from '../contract/file.ts'
import { type Declared, findMessage } from '../contract/messages.ts'
import { jsonFrom, payloadFrom } from '../contract/payload.ts'
import { duration } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { Usage } from '../frame/exit.ts'
import { fieldsOf, messageOperands, sendArgs, toChannel } from './options.ts'

/** `pabal send`. */
export const send = command({
  name: 'send',
  summary: 'Sends a command, notification or document, or publishes an event, as a contract declares it. Waits for no reply.',
  about:
    'The payload is checked by the contract before anything is sent. It ends when the message is as safe as the store or broker promises. Events are published as the service that owns them. The channel must be there: --create makes it.',
  url: 'needed',
  operands: messageOperands,
  args: {
    ...sendArgs,
    after: { type: 'string', valueHint: 'TIME', description: 'deliver no sooner than this from now: 30s, 10m, 2h' },
    as: {
      type: 'string',
      valueHint: 'SERVICE',
      description: "a command: send it as this service, whose contract uses it; the reply goes to that service's handlers",
    },
    context: { type: 'string', valueHint: 'JSON', description: 'with --as: what the handler of the reply is given back' },
    create: { type: 'boolean', description: 'make the channel (and a sqlite file) where it is not there yet' },
    json: { type: 'boolean', description: 'the result as one JSON value, for scripts' },
  },
  repeated: ['header'],
  examples: [
    [`pabal send sqlite:./ftgo.db kitchen.contract.ts kitchen.remindCook '{"ticketId":"t-1"}'`, 'a notification'],
    [
      `pabal send sqlite:./ftgo.db kitchen.contract.ts Ticket.TicketAccepted '{"dish":"bibimbap"}' --key o-1`,
      'an event, with the id of its aggregate',
    ],
    ['pabal send sqlite:./ftgo.db kitchen.contract.ts kitchen.createTicket @ticket.json --after 10m', 'a command from a file, later'],
    [
      'pabal send sqlite:./ftgo.db order.contract.ts kitchen.createTicket @ticket.json --as order',
      "one whose reply goes to order's own handlers",
    ],
    ['jq -c .ticket order.json | pabal send sqlite:./ftgo.db kitchen.contract.ts kitchen.createTicket -', 'from another program'],
  ],
  run: async ({ args, all, operands, url, shell }) => {
    const [file = '', name = '', text] = operands
    const contracts = await loadContracts([file], shell)
    const { target, declared } = targetOf(contracts, name, args.as, args.context)
    const { data, label } = declared
    if (data.kind === 'query') throw new Usage(`${label} is a query, which is asked: pabal request ${file} ${label}.`)
    if (data.kind === 'event' && args.key === undefined)
      throw new Usage(`${label} is an event: give the id of its ${data.aggregate} with --key.`)
    const payload = await payloadFrom(text, data, shell)
    const after = args.after === undefined ? undefined : duration(args.after, '--after')
    const { runtime } = shell
    await connected(
      url,
      shell,
      async ({ app, transport }) => {
        const outbound = new Outbound(transport, app.capabilities, runtime, args.create === true ? 'create' : 'check')
        const now = runtime.now()
        const fields: SendFields = {
          ...fieldsOf(args, all('header')),
          notBefore: after === undefined ? undefined : now + after,
          ...(await target.reply()),
        }
        const outgoing = await target.port.make(new PlainOrigin(target.source, runtime), now, payload, fields, fields.replyTo !== undefined)
        outbound.check(outgoing)
        const sent = (result: SendResult, { message }: Outgoing): string => {
          if (typeof result === 'object') throw result
          return message.id
        }
        const { channel } = target.port
        const id = await toChannel(channel.address, args.create === true, async () => outbound.send(channel, outgoing, { sent }))
        if (args.json === true) shell.out.write(`${JSON.stringify({ id, message: label, channel: channel.address })}\n`)
        else shell.out.write(`${data.kind === 'event' ? 'Published' : 'Sent'} ${label} ${id}\n`)
      },
      args.create === true,
    )
  },
})

interface Target {
  readonly port: Port
  readonly source: string
  /** Where the reply goes, if it goes anywhere. */
  reply(): Promise<Pick<SendFields, 'replyTo' | 'extensions'>>
}

function targetOf(
  contracts: readonly ServiceData[],
  name: string,
  as: string | undefined,
  context: string | undefined,
): { target: Target; declared: Declared } {
  if (as === undefined) {
    if (context !== undefined) throw new Usage('--context needs --as: it comes back with the reply.')
    const declared = findMessage(contracts, name)
    const { data, contract } = declared
    const source = data.kind === 'event' ? contract.name : 'pabal'
    return { declared, target: { port: new Port(data), source, reply: async () => ({}) } }
  }
  const sender = contracts.find((contract) => contract.name === as)
  if (sender === undefined)
    throw new Usage(`The file exports no contract "${as}"; it exports ${contracts.map((each) => each.name).join(', ')}.`)
  const [use, found] = useOf(sender, name)
  const { message } = found
  if (message.kind !== 'command' || found.awaited === true)
    throw new Usage(`${as} takes no later reply to ${message.service}.${message.type}: leave --as away.`)
  const port = new UsePort(use, found, as)
  const given = context === undefined ? undefined : jsonFrom(context, '--context')
  return {
    declared: { contract: sender, data: message, label: port.label },
    target: {
      port,
      source: as,
      reply: async () => {
        const { replyTo, extensions } = port.wish(given)
        return { replyTo, extensions: await extensions }
      },
    },
  }
}

/** The use that is meant: by its own name, or by the message's. */
function useOf(contract: ServiceData, name: string): [use: string, data: UseData] {
  const uses = Object.entries(contract.uses)
  const found =
    uses.find(([use]) => use === name) ??
    uses.find(([use, { message }]) => [`${contract.name}.${use}`, `${message.service}.${message.type}`, message.type].includes(name))
  if (found === undefined)
    throw new Usage(`${contract.name} uses no "${name}"; it uses ${uses.map(([use]) => use).join(', ') || 'nothing'}.`)
  return found
}
