import type { Depth } from '../../transport/seam.ts'
import { connected } from '../connected.ts'
import { wholeNumber } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { Usage } from '../frame/exit.ts'
import { didYouMean } from '../frame/suggest.ts'
import { messageJson, messageText } from '../view/message.ts'
import { paintFor } from '../view/paint.ts'
import { instant } from '../view/text.ts'
import { isEphemeral, placeOf } from './overview.ts'

/** `pabal messages`. */
export const messages = command({
  name: 'messages',
  summary: 'Shows the messages that wait in a channel, in order. Takes nothing away.',
  about: 'Dead letters, invalid messages and parked ones have commands of their own, which also say why they are there.',
  url: 'needed',
  operands: [{ name: 'CHANNEL', says: "a service's name, an aggregate's, or reply.<service>" }],
  args: {
    group: { type: 'string', alias: 'g', valueHint: 'GROUP', description: 'events: the subscribing group, where there are several' },
    type: { type: 'string', alias: 't', valueHint: 'TYPE', description: 'only messages of this type' },
    key: { type: 'string', alias: 'k', valueHint: 'KEY', description: 'only messages of this key' },
    limit: { type: 'string', alias: 'n', valueHint: 'N', default: '20', description: 'at most so many' },
    json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
  },
  examples: [
    ['pabal messages sqlite:./ftgo.db kitchen', 'what the kitchen has not handled yet'],
    ['pabal messages sqlite:./ftgo.db Ticket --group history', 'events that a group has not handled yet'],
    ['pabal messages sqlite:./ftgo.db kitchen --key o-17 --json', 'all of one key, for a script'],
  ],
  run: async ({ args, operands, url, shell }) => {
    const limit = wholeNumber(args.limit, '--limit')
    const { type, key } = args
    await connected(url, shell, async ({ app, admin }) => {
      const depth = findDepth(await app.channels(), operands[0] as string, args.group)
      const paint = paintFor(shell.out)
      let found = 0
      let more = false
      let after: string | undefined
      browsing: for (;;) {
        const page = await admin().browse(placeOf(depth), { limit: 100, after })
        for (const { message, notBefore } of page) {
          if ((type !== undefined && type !== message.type) || (key !== undefined && key !== message.key)) continue
          if (found === limit) {
            more = true
            break browsing
          }
          found++
          const own = { channel: depth.channel.address, group: depth.group }
          shell.out.write(
            args.json === true
              ? `${JSON.stringify({ ...own, ...messageJson(message), notBefore: notBefore === undefined ? undefined : instant(notBefore) })}\n`
              : `${found > 1 ? '\n' : ''}${messageText(message, paint, notBefore === undefined ? [] : [`  ${paint.yellow(`not before ${instant(notBefore)}`)}`])}\n`,
          )
        }
        if (page.length < 100) break
        after = page.at(-1)?.position
      }
      if (args.json === true) return
      const filtered = type !== undefined || key !== undefined
      if (more)
        shell.out.write(
          paint.dim(
            `\nThe first ${limit.toLocaleString('en')}${filtered ? ' that fit' : ` of ${depth.waiting.toLocaleString('en')}`}; --limit shows more.\n`,
          ),
        )
      else if (found === 0) shell.out.write(filtered && depth.waiting > 0 ? 'Nothing that fits waits here.\n' : 'Nothing waits here.\n')
    })
  },
})

/** The queue that is meant; its group is named where there is more than one. Throws `Usage`. */
export function findDepth(depths: readonly Depth[], address: string, group: string | undefined): Depth {
  const here = depths.filter((depth) => depth.channel.address === address && (group !== undefined || !isEphemeral(depth)))
  const names = here.map((depth) => depth.group).filter((name) => name !== undefined)
  const [first, ...others] = here
  if (first === undefined) {
    const known = [...new Set(depths.map((depth) => depth.channel.address))].sort()
    throw new Usage(
      `There is no channel "${address}" that anybody reads; there are ${known.join(', ') || 'none'}.${didYouMean(address, known)}`,
    )
  }
  if (first.channel.kind === 'point-to-point') {
    if (group !== undefined) throw new Usage(`${address} is read by one service and has no groups: leave --group away.`)
    return first
  }
  if (group === undefined && others.length === 0) return first
  const chosen = here.find((depth) => depth.group === group)
  if (group !== undefined && chosen !== undefined) return chosen
  throw new Usage(
    group === undefined
      ? `${address} has groups: choose one with --group: ${names.join(', ')}.`
      : `${address} has no group "${group}"; it has ${names.join(', ') || 'none'}.${didYouMean(group, names)}`,
  )
}
