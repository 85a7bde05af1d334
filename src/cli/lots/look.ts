import type { Waiting } from '../../delivery/waiting.ts'
import type { LotPlace } from '../../service/lots.ts'
import { connected } from '../connected.ts'
import { wholeNumber } from '../frame/arguments.ts'
import { type Command, command } from '../frame/command.ts'
import { exit } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'
import { messageText, shortReason, waitingJson, waitingLines } from '../view/message.ts'
import { type Paint, paintFor } from '../view/paint.ts'
import { type Column, table } from '../view/table.ts'
import { age, counted, visible } from '../view/text.ts'
import { filterArgs, select } from './filters.ts'
import type { Kind } from './kinds.ts'
import { listAll, lotOf, NotThere, placeText, shortId } from './places.ts'

interface Row {
  readonly place: LotPlace
  readonly waiting: Waiting
}

/** `list`: what waits for a person, in order. */
export function listCommand({ name, many, one }: Kind): Command {
  return command({
    name: 'list',
    summary: `Lists ${many}, the oldest first within each channel. Takes nothing away.`,
    url: 'needed',
    args: {
      ...filterArgs,
      limit: { type: 'string', alias: 'n', valueHint: 'N', default: '20', description: 'at most so many' },
      summary: { type: 'boolean', description: 'count all that fit by channel, type and reason, instead of listing them' },
      json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
    },
    examples: [
      [`pabal ${name} list sqlite:./ftgo.db`, 'the first 20, of every channel'],
      [`pabal ${name} list sqlite:./ftgo.db --summary`, 'what went wrong most often'],
      [`pabal ${name} list sqlite:./ftgo.db --channel kitchen --reason "no gas" --older-than 10m`, 'some of them'],
      [`pabal ${name} list sqlite:./ftgo.db --limit 1000 --json | jq -r .payload.orderId`, 'a field of each'],
    ],
    run: async ({ args, url, shell }) => {
      const limit = wholeNumber(args.limit, '--limit')
      await connected(url, shell, async ({ app }) => {
        const { chosen } = await select(app, name, args, [])
        const rows: Row[] = []
        const tally = new Tally()
        let fit = 0
        for await (const row of listAll(lotOf(app, name), chosen)) {
          fit++
          if (args.summary === true) tally.add(row)
          else if (fit > limit) {
            if (args.json === true) break
          } else if (args.json === true) shell.out.write(`${JSON.stringify({ ...row.place, ...waitingJson(row.waiting) })}\n`)
          else rows.push(row)
        }
        if (args.summary === true) return tally.show(shell, args.json === true, many)
        if (args.json === true) return
        if (fit === 0)
          return shell.out.write(`There are no ${many}${Object.keys(filterArgs).some((each) => args[each as 'key']) ? ' that fit' : ''}.\n`)
        shell.out.write(`${rowsTable(rows, shell, name === 'parked')}\n`)
        if (fit > limit)
          shell.out.write(
            `${paintFor(shell.out).dim(`The first ${limit.toLocaleString('en')} of ${counted(fit, one, many)}. --limit shows more, --summary what went wrong most often.`)}\n`,
          )
      })
    },
  })
}

/** A table of messages that wait. */
export function rowsTable(rows: readonly Row[], shell: Shell, parked: boolean): string {
  const now = shell.runtime.now()
  const paint: Paint = paintFor(shell.out)
  const { columns } = shell.out
  // Whole ids where there is room, or where a script reads them.
  const whole = columns >= 150
  const all: Column<Row>[] = [
    { title: 'ID', of: ({ waiting }) => visible(whole ? waiting.message.id : shortId(waiting.message.id)), paint: paint.cyan },
    { title: 'CHANNEL', of: ({ place }) => placeText(place), drop: 4, least: 8 },
    { title: 'TYPE', of: ({ waiting }) => visible(waiting.message.type), least: 8 },
    { title: 'KEY', of: ({ waiting }) => visible(waiting.message.key ?? ''), least: 6, drop: 5 },
    { title: 'FAILED', of: ({ waiting }) => age(now - (waiting.last ?? waiting.message.time)), right: true },
    { title: 'TRIED', of: ({ waiting }) => String(waiting.attempts), right: true, drop: 1 },
    ...(parked
      ? [
          {
            title: 'NEXT',
            of: ({ waiting }: Row) =>
              waiting.follows ? 'after its head' : waiting.due === undefined ? 'by hand' : `in ${age(waiting.due - now)}`,
            drop: 3,
          },
        ]
      : []),
    { title: 'CODE', of: ({ waiting }) => visible(waiting.code), drop: 2, paint: paint.red },
    { title: 'REASON', of: ({ waiting }) => shortReason(waiting), least: 24, drop: 6, paint: paint.red },
  ]
  return table(all, rows, columns, paint.dim)
}

/** Counts by channel, type, code and what the reason says apart from numbers and ids. */
class Tally {
  readonly #rows = new Map<
    string,
    { place: string; type: string; code: string; reason: string; said: string; count: number; first: number; last: number }
  >()

  add({ place, waiting }: Row): void {
    const said = shortReason(waiting)
    const reason = said.replace(/"[^"]*"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\d+/gi, '…')
    const failed = waiting.last ?? waiting.message.time
    const id = JSON.stringify([place, waiting.message.type, waiting.code, reason])
    const row = this.#rows.get(id)
    if (row === undefined)
      this.#rows.set(id, {
        place: placeText(place),
        type: waiting.message.type,
        code: waiting.code,
        reason: waiting.reason,
        said,
        count: 1,
        first: failed,
        last: failed,
      })
    else {
      row.count++
      row.first = Math.min(row.first, failed)
      row.last = Math.max(row.last, failed)
    }
  }

  show(shell: Shell, json: boolean, many: string): void {
    const rows = [...this.#rows.values()].sort((a, b) => b.count - a.count)
    if (json) {
      for (const { place, type, code, reason, count, first, last } of rows) {
        const [channel, group] = place.split('/')
        const value = {
          channel,
          group,
          type,
          code,
          reason,
          count,
          first: new Date(first).toISOString(),
          last: new Date(last).toISOString(),
        }
        shell.out.write(`${JSON.stringify(value)}\n`)
      }
      return
    }
    if (rows.length === 0) return shell.out.write(`There are no ${many}.\n`)
    const now = shell.runtime.now()
    const paint = paintFor(shell.out)
    const columns: Column<(typeof rows)[number]>[] = [
      { title: 'COUNT', of: ({ count }) => count.toLocaleString('en'), right: true, paint: paint.bold },
      { title: 'CHANNEL', of: ({ place }) => place, least: 8, drop: 3 },
      { title: 'TYPE', of: ({ type }) => visible(type), least: 8 },
      { title: 'FAILED', of: ({ first, last }) => since(now - first, now - last), drop: 1 },
      { title: 'CODE', of: ({ code }) => visible(code), paint: paint.red, drop: 2 },
      { title: 'REASON (ONE OF THEM)', of: ({ said }) => said, least: 20, paint: paint.red },
    ]
    shell.out.write(`${table(columns, rows, shell.out.columns, paint.dim)}\n`)
  }
}

const since = (first: number, last: number): string =>
  age(first) === age(last) ? `${age(first)} ago` : `${age(first)} to ${age(last)} ago`

/** `show`: one message, whole. */
export function showCommand({ name, one }: Kind): Command {
  return command({
    name: 'show',
    summary: `Shows one ${one}, whole: why it is there, its attributes, headers and payload.`,
    url: 'needed',
    operands: [{ name: 'ID', says: 'its id; the last characters suffice where only one message ends so', many: true }],
    args: {
      channel: filterArgs.channel,
      group: filterArgs.group,
      json: { type: 'boolean', description: 'one JSON value a line, for scripts' },
    },
    examples: [
      [`pabal ${name} show sqlite:./ftgo.db 9f3a61c2ab04`, 'the one whose id ends so'],
      [`pabal ${name} show sqlite:./ftgo.db 9f3a61c2ab04 --json | jq .payload`, 'its payload'],
    ],
    run: async ({ args, operands, url, shell }) =>
      connected(url, shell, async ({ app }) => {
        const none = { code: undefined, reason: undefined, type: undefined, key: undefined, 'older-than': undefined }
        const lot = lotOf(app, name)
        try {
          const { chosen } = await select(app, name, { ...none, channel: args.channel, group: args.group }, operands)
          const texts: string[] = []
          const paint = paintFor(shell.out)
          for await (const { place, waiting } of listAll(lot, chosen)) {
            if (args.json === true) shell.out.write(`${JSON.stringify({ ...place, ...waitingJson(waiting) })}\n`)
            else
              texts.push(
                messageText(waiting.message, paint, [
                  `  ${paint.dim(`${one} of`)} ${placeText(place)}`,
                  ...waitingLines(waiting, paint, name === 'parked'),
                ]),
              )
          }
          if (texts.length > 0) shell.out.write(`${texts.join('\n\n')}\n`)
          return exit.done
        } catch (error) {
          if (!(error instanceof NotThere)) throw error
          shell.err.write(`${paintFor(shell.err).red(error.message)}\n`)
          return exit.failed
        }
      }),
  })
}
