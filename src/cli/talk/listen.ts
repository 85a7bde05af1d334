import type { Channel } from '../../channel/channel.ts'
import { eventChannel, serviceChannel } from '../../channel/names.ts'
import type { ServiceData } from '../../contract/data.ts'
import { isPabalError } from '../../errors.ts'
import type { Message } from '../../message/message.ts'
import { type Connected, connected } from '../connected.ts'
import { loadContracts } from '../contract/file.ts'
import { Fitting } from '../contract/messages.ts'
import { duration, wholeNumber } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { exit, Usage } from '../frame/exit.ts'
import { type Shell, sleep } from '../frame/shell.ts'
import { didYouMean } from '../frame/suggest.ts'
import { bodyText, messageJson } from '../view/message.ts'
import { paintFor } from '../view/paint.ts'
import { counted, cut, instant, visible } from '../view/text.ts'

/** How often a queue is looked at, in milliseconds, and how much of it. */
const peekEvery = 500
const peekAt = 500

/** `pabal listen`. */
export const listen = command({
  name: 'listen',
  summary: 'Shows messages as they arrive. Takes nothing away from anybody.',
  about:
    'Events come to a subscriber of its own, from now on, which is gone when the command ends. A queue (the channel of a service, dead letters) is looked at twice a second: what a service takes at once may not be seen. Without any channel it listens to every event channel: of the contracts where they are given, else of the store or broker.',
  url: 'needed',
  operands: [{ name: 'CHANNEL', says: "an aggregate's name for its events, a service's name for its queue", optional: true, many: true }],
  args: {
    contract: { type: 'string', valueHint: 'FILE', description: 'says which events there are, and marks what does not fit' },
    type: { type: 'string', alias: 't', valueHint: 'TYPE', description: 'only messages of this type' },
    key: { type: 'string', alias: 'k', valueHint: 'KEY', description: 'only messages of this key' },
    count: { type: 'string', alias: 'n', valueHint: 'N', description: 'end after so many' },
    for: { type: 'string', valueHint: 'TIME', description: 'end after this time: 10s, 5m. With --count: exit code 4 where fewer came' },
    json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
  },
  repeated: ['contract'],
  examples: [
    ['pabal listen sqlite:./ftgo.db', 'every event'],
    ['pabal listen sqlite:./ftgo.db Ticket --key o-1', 'the events of one aggregate'],
    ['pabal listen sqlite:./ftgo.db --contract kitchen.contract.ts', "the kitchen's events, checked by its contract"],
    ['pabal listen sqlite:./ftgo.db kitchen.dead', 'dead letters as they come'],
    [
      'pabal listen sqlite:./ftgo.db Ticket --type Ticket.TicketAccepted --count 1 --for 30s --json',
      'in a test: wait for an event that comes after "Listening to" was said on the error output',
    ],
  ],
  run: async ({ args, all, operands, url, shell }) => {
    const count = args.count === undefined ? undefined : wholeNumber(args.count, '--count')
    const time = args.for === undefined ? undefined : duration(args.for, '--for')
    const contracts = await loadContracts(all('contract'), shell)
    const fitting = contracts.length === 0 ? undefined : new Fitting(contracts)
    return connected(url, shell, async (connection) => {
      const targets = await targetsOf(connection, contracts, operands)
      const done = new AbortController()
      let seen = 0
      let last = Promise.resolve()
      const arrived = (channel: Channel, message: Message): void => {
        if ((args.type !== undefined && args.type !== message.type) || (args.key !== undefined && args.key !== message.key)) return
        if (count !== undefined && seen >= count) return
        seen++
        // In the order in which they came, also where a schema is asynchronous.
        last = last.then(async () => write(channel, message, await fitting?.fault(message), shell, args.json === true))
        if (seen === count) done.abort()
      }
      const subscriptions = []
      for (const channel of targets.filter(({ kind }) => kind === 'publish-subscribe')) {
        await connection.transport.provision([channel], 'check')
        subscriptions.push(
          await connection.transport.subscribe(
            channel,
            { durable: true, maxMessages: 1000, maxBytes: 16 * 1024 * 1024 },
            async ({ message }) => {
              arrived(channel, message)
              return { emit: [] }
            },
          ),
        )
      }
      const queues = targets.filter(({ kind }) => kind !== 'publish-subscribe')
      // Also for a script: whatever is published from now on comes.
      shell.err.write(
        `${paintFor(shell.err).dim(`Listening to ${targets.map(({ address }) => address).join(', ')}${shell.err.tty ? '; Ctrl-C ends' : ''}`)}\n`,
      )
      const peeking = Promise.all(
        queues.map((channel) => peek(connection, channel, shell, done.signal, (message) => arrived(channel, message))),
      )
      const failed = peeking.then(
        () => new Promise<never>(() => {}),
        (error: unknown) => Promise.reject(error),
      )
      const ended = new Promise<void>((resolve) => {
        for (const signal of [shell.ended, done.signal]) signal.addEventListener('abort', () => resolve())
        if (shell.ended.aborted || done.signal.aborted) resolve()
      })
      await Promise.race([ended, failed, ...(time === undefined ? [] : [sleep(shell, time, done.signal)])])
      done.abort()
      // Where the broker is gone there is nothing to give back.
      await Promise.all(subscriptions.map((subscription) => subscription.close().catch(() => undefined)))
      await peeking
      await last
      return count !== undefined && seen < count && !shell.ended.aborted ? exit.unanswered : exit.done
    })
  },
})

/** What is listened to, and whether as a subscriber or by looking. Throws `Usage` for what is not there. */
async function targetsOf(
  { app, transport }: Connected,
  contracts: readonly ServiceData[],
  names: readonly string[],
): Promise<readonly Channel[]> {
  const declared = contracts.flatMap((contract) => [...Object.keys(contract.events).map(eventChannel), serviceChannel(contract.name)])
  const existing = transport.admin === undefined ? [] : (await app.channels()).map(({ channel }) => channel)
  const known = new Map([...declared, ...existing].map((channel) => [channel.address, channel]))
  if (names.length === 0) {
    const all = (contracts.length > 0 ? declared : existing).filter(({ kind }) => kind === 'publish-subscribe')
    const unique = [...new Map(all.map((channel) => [channel.address, channel])).values()]
    if (unique.length === 0)
      throw new Usage(
        contracts.length > 0
          ? `${contracts.map(({ name }) => name).join(', ')} declares no events. To look at a queue, name it: ${contracts.map(({ name }) => name).join(', ')}.`
          : `Nobody subscribes to events here, so none is known: name a channel, or give --contract. There are ${[...known.keys()].join(', ') || 'no channels'}.`,
      )
    return unique
  }
  return names.map((name) => {
    const channel = known.get(name)
    if (channel === undefined)
      throw new Usage(
        `There is no channel "${name}" that anybody reads; there are ${mainOf(known.keys())}.${didYouMean(name, known.keys())} Give --contract where nobody reads it yet.`,
      )
    return channel
  })
}

/** The channels without those that stand beside others. */
const mainOf = (names: Iterable<string>): string => [...names].filter((name) => !/\.(?:dead|invalid)$/.test(name)).join(', ') || 'none'

/** Looks at a queue again and again, and tells of what it has not seen. */
async function peek(
  { admin }: Connected,
  channel: Channel,
  shell: Shell,
  done: AbortSignal,
  arrived: (message: Message) => void,
): Promise<void> {
  let known = new Set<string>()
  while (!done.aborted && !shell.ended.aborted) {
    try {
      const stored = await admin().browse({ channel }, { limit: peekAt })
      for (const { message } of stored) if (!known.has(message.id)) arrived(message)
      known = new Set(stored.map(({ message }) => message.id))
    } catch (error) {
      // What passes by itself is waited for; that it is so was said already.
      if (!isPabalError(error) || !error.retryable) throw error
    }
    await sleep(shell, peekEvery, done)
  }
}

function write(channel: Channel, message: Message, fault: string | undefined, shell: Shell, json: boolean): void {
  if (json) return shell.out.write(`${JSON.stringify({ channel: channel.address, ...messageJson(message), fault })}\n`)
  const paint = paintFor(shell.out)
  const { type, key, source, time } = message
  const head = `${paint.dim(instant(time).slice(11, 23))} ${paint.cyan(visible(channel.address))} ${paint.bold(visible(type))}`
  const size = shell.out.columns === Number.POSITIVE_INFINITY ? 2000 : 3 * shell.out.columns
  const body = bodyText(message)
  const shown = body.length > size ? `${cut(visible(body), size)} (${counted(message.body.byteLength, 'byte')})` : visible(body)
  shell.out.write(
    `${head}${key === undefined ? '' : ` ${paint.yellow(visible(key))}`} ${paint.dim(`from ${visible(source)}`)}\n  ${shown}\n${fault === undefined ? '' : `  ${paint.red(`does not fit: ${visible(fault)}`)}\n`}`,
  )
}
