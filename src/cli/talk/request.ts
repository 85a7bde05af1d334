import type { ServiceShape } from '../../contract/types/service.ts'
import type { GatherResult } from '../../interaction/gather.ts'
import type { Answer } from '../../interaction/request.ts'
import { connected } from '../connected.ts'
import { loadContracts } from '../contract/file.ts'
import { findMessage } from '../contract/messages.ts'
import { payloadFrom } from '../contract/payload.ts'
import { duration, wholeNumber } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { exit, Usage } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'
import { paintFor } from '../view/paint.ts'
import { visible } from '../view/text.ts'
import { fieldsOf, messageOperands, sendArgs, toChannel } from './options.ts'

type Ask = (payload: unknown, options: object) => Promise<Answer>
interface Many {
  gather(payload: unknown, options: object): AsyncIterable<Answer> & { result(): Promise<GatherResult> }
}

/** `pabal request`. */
export const request = command({
  name: 'request',
  summary: 'Sends a command or asks a query as a contract declares it, and prints the reply.',
  about:
    'A question to many is gathered: every answer is printed as it comes. At the deadline a command may still be carried out: its id is printed, and --id sends it again under the same. A reply that the contract declares a failure is printed, and the exit code is 5.',
  url: 'needed',
  operands: messageOperands,
  args: {
    ...sendArgs,
    within: { type: 'string', alias: 'w', valueHint: 'TIME', default: '5s', description: 'how long to wait' },
    count: { type: 'string', valueHint: 'N', description: 'a question to many: end after so many answers' },
    create: { type: 'boolean', description: 'make the channel (and a sqlite file) where it is not there yet' },
    json: { type: 'boolean', description: 'each reply as one JSON value a line, for scripts' },
  },
  repeated: ['header'],
  examples: [
    [`pabal request sqlite:./ftgo.db kitchen.contract.ts kitchen.menu '{"restaurantId":"r-1"}'`, 'a query'],
    [`pabal request sqlite:./ftgo.db kitchen.contract.ts kitchen.createTicket @ticket.json --within 10s`, 'a command'],
    [`pabal request sqlite:./ftgo.db courier.contract.ts courier.quote '{"parcel":"p-1"}' --within 800ms --count 3`, 'a question to many'],
    [`pabal request sqlite:./ftgo.db kitchen.contract.ts kitchen.menu --json | jq .payload`, 'the payload alone'],
  ],
  run: async ({ args, all, operands, url, shell }) => {
    const [file = '', name = '', text] = operands
    const contracts = await loadContracts([file], shell)
    const { contract, data, label } = findMessage(contracts, name)
    if (data.kind !== 'command' && data.kind !== 'query')
      throw new Usage(
        `${label} is ${data.kind === 'event' ? 'an event' : `a ${data.kind}`}, which has no reply: pabal send ${file} ${label}.`,
      )
    if (args.count !== undefined && data.to !== 'many')
      throw new Usage(`--count is for questions to many, and ${label} is answered by one.`)
    const payload = await payloadFrom(text, data, shell)
    const options = { ...fieldsOf(args, all('header')), within: duration(args.within, '--within'), signal: shell.ended }
    const count = args.count === undefined ? undefined : wholeNumber(args.count, '--count')
    const there = <T>(work: () => Promise<T>) => toChannel(contract.name, args.create === true, work)
    return connected(
      url,
      shell,
      async ({ app }) => {
        const client = app.client(contract as ServiceShape) as unknown as Readonly<Record<string, unknown>>
        if (data.to === 'many') {
          const { key: _, ...rest } = options
          if (args.key !== undefined) throw new Usage(`${label} is a question to many and has no key.`)
          const until = { ...rest, ...(count !== undefined && { until: { count } }) }
          return there(() => gather(client[data.type] as Many, payload, until, shell, args.json === true))
        }
        const answer = await there(() => (client[data.type] as Ask)(payload, options))
        print(answer, shell, args.json === true)
        return answer.failure ? exit.refused : exit.done
      },
      args.create === true,
    )
  },
})

async function gather(question: Many, payload: unknown, options: object, shell: Shell, json: boolean): Promise<number> {
  const gathering = question.gather(payload, options)
  for await (const answer of gathering) print(answer, shell, json)
  const { replies, failed, ended } = await gathering.result()
  for (const { from, code } of failed) shell.err.write(`${paintFor(shell.err).red(`${from} could not answer: ${code}`)}\n`)
  if (!json)
    shell.err.write(
      `${replies.length} ${replies.length === 1 ? 'answer' : 'answers'}${ended === 'deadline' ? ', until the deadline' : ended === 'nobody' ? ': nobody serves it' : ''}\n`,
    )
  return replies.length === 0 ? exit.unanswered : exit.done
}

function print({ type, payload, from, id, failure, headers }: Answer, shell: Shell, json: boolean): void {
  const bytes = payload instanceof Uint8Array
  const shown = bytes ? Buffer.from(payload).toString('base64') : payload
  if (json) {
    const encoding = bytes ? 'base64' : typeof payload === 'string' ? 'text' : 'json'
    return shell.out.write(`${JSON.stringify({ type, failure, from, id, headers: { ...headers }, encoding, payload: shown })}\n`)
  }
  const paint = paintFor(shell.out)
  const text = typeof shown === 'string' ? visible(shown) : JSON.stringify(shown, null, 2).split('\n').map(visible).join('\n')
  shell.out.write(`${(failure ? paint.red : paint.green)(type)} ${paint.dim(`from ${visible(from)}`)}\n${bytes ? 'base64: ' : ''}${text}\n`)
}
