import { isPabalError } from '../../errors.ts'
import { connected } from '../connected.ts'
import { duration, wholeNumber } from '../frame/arguments.ts'
import { command } from '../frame/command.ts'
import { Usage } from '../frame/exit.ts'
import { sleep } from '../frame/shell.ts'
import { didYouMean } from '../frame/suggest.ts'
import { hotKeysOf, type Overview, overviewJson, overviewOf, placeOf } from './overview.ts'
import { overviewText } from './show.ts'

/** `pabal channels`. */
export const channels = command({
  name: 'channels',
  summary: 'Shows every channel and group: what waits, since when, what is parked or dead, and who reads it.',
  about:
    'WAITING is the lag: what is stored and not handled yet. OLDEST is the age of the first of it. MEMBERS are the running consumers and how many shards each owns; each key belongs to one shard. A group that begins with ~ is a subscriber without one, gone when it ends. Nothing is taken away.',
  url: 'needed',
  operands: [{ name: 'CHANNEL', says: 'only these channels', optional: true, many: true }],
  args: {
    shards: { type: 'boolean', alias: 's', description: 'which member owns which shards, below each channel' },
    keys: { type: 'boolean', alias: 'k', description: 'the keys with the most waiting messages, below each channel' },
    scan: { type: 'string', valueHint: 'N', default: '1000', description: 'how many messages of each channel --keys looks at' },
    watch: { type: 'boolean', alias: 'w', description: 'show it again and again, until Ctrl-C' },
    every: { type: 'string', valueHint: 'TIME', default: '2s', description: 'how often --watch looks' },
    json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
  },
  examples: [
    ['pabal channels sqlite:./ftgo.db', 'everything'],
    ['pabal channels sqlite:./ftgo.db kitchen --keys', 'one channel, and which keys are hot in it'],
    ['pabal channels sqlite:./ftgo.db --watch', 'stay and look'],
    [`pabal channels sqlite:./ftgo.db --json | jq -e 'select(.waiting > 1000)'`, 'an alarm'],
  ],
  run: async ({ args, operands, url, shell }) => {
    const scan = wholeNumber(args.scan, '--scan')
    const every = duration(args.every, '--every')
    await connected(url, shell, async ({ app, admin }) => {
      const look = async (): Promise<string> => {
        const all = overviewOf(await app.channels())
        const rows: Overview[] = []
        for (const row of chosen(all, operands))
          rows.push(
            args.keys === true && row.depth.waiting > 0 ? { ...row, hot: await hotKeysOf(admin(), placeOf(row.depth), scan, 5) } : row,
          )
        if (args.json === true) return rows.map((row) => `${JSON.stringify(overviewJson(row))}\n`).join('')
        return `${overviewText(rows, shell, args.shards === true)}\n`
      }
      shell.out.write(args.watch === true && shell.out.tty ? `\u001b[2J\u001b[H${await look()}` : await look())
      while (args.watch === true) {
        await sleep(shell, every)
        if (shell.ended.aborted) return
        let text: string
        try {
          text = await look()
        } catch (error) {
          // The broker may come back; that it is gone was said already.
          if (!isPabalError(error) || !error.retryable) throw error
          continue
        }
        // Written over what stood there, line by line, so that it does not flicker.
        if (shell.out.tty) shell.out.write(`\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J`)
        else shell.out.write(args.json === true ? text : `\n${text}`)
      }
    })
  },
})

function chosen(all: readonly Overview[], names: readonly string[]): readonly Overview[] {
  if (names.length === 0) return all
  const known = [...new Set(all.map(({ depth }) => depth.channel.address))]
  for (const name of names)
    if (!known.includes(name))
      throw new Usage(
        `There is no channel "${name}" that anybody reads; there are ${known.join(', ') || 'none'}.${didYouMean(name, known)}`,
      )
  return all.filter(({ depth }) => names.includes(depth.channel.address))
}
