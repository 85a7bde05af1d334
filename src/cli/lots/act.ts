import type { Edit } from '../../delivery/dead-letters.ts'
import type { Waiting } from '../../delivery/waiting.ts'
import { connected } from '../connected.ts'
import { loadContracts } from '../contract/file.ts'
import { Fitting } from '../contract/messages.ts'
import { bytesFrom } from '../contract/payload.ts'
import { rate } from '../frame/arguments.ts'
import { type Command, command } from '../frame/command.ts'
import { confirm } from '../frame/confirm.ts'
import { exit, Usage } from '../frame/exit.ts'
import type { Shell } from '../frame/shell.ts'
import { paintFor } from '../view/paint.ts'
import { counted } from '../view/text.ts'
import { applied, byEditor, type Changes, changesNothing } from './edits.ts'
import { filterArgs, limitOf, type Selection, select } from './filters.ts'
import type { Kind } from './kinds.ts'
import { NotThere } from './places.ts'
import { type Act, Work } from './work.ts'

export const acts = {
  redrive: {
    name: 'redrive',
    summary: ({ many }) => `Has ${many} handled again, with their attempts counted anew.`,
    about: 'All that fit are redriven, in order; --dry-run shows which. Each moves in one step, so that ending it half way loses nothing.',
    doing: 'Redriving',
    done: 'Redrove',
    asks: false,
  },
  edit: {
    name: 'edit',
    summary: ({ one }) => `Changes a ${one} and has it handled again.`,
    about:
      'Opens $EDITOR on payload and headers of one message; or changes one or several by --set, --unset, --header and --body. It keeps its id and its key. With --contract it must fit what the contract declares.',
    doing: 'Redriving',
    done: 'Edited and redrove',
    asks: true,
  },
  skip: {
    name: 'skip',
    summary: ({ many }) => `Puts ${many} to the dead letters, so that what follows them goes on.`,
    about: 'The order of the key is given up for these messages; they can be redriven from the dead letters later.',
    doing: 'Skipping',
    done: 'Skipped',
    asks: true,
  },
  discard: {
    name: 'discard',
    summary: ({ many }) => `Takes ${many} away for ever.`,
    about: 'There is no way back: `list --json` keeps a copy.',
    doing: 'Discarding',
    done: 'Discarded',
    asks: true,
  },
} as const satisfies Record<string, Act>

const editArgs = {
  set: { type: 'string', valueHint: 'PATH=VALUE', description: 'a field of a JSON payload, such as lines.0.quantity=2 or dish=bibimbap' },
  unset: { type: 'string', valueHint: 'PATH', description: 'takes a field of a JSON payload away' },
  header: { type: 'string', valueHint: 'NAME=VALUE', description: 'sets a header' },
  body: { type: 'string', valueHint: 'JSON|@FILE|-', description: 'a whole new payload' },
  contract: { type: 'string', valueHint: 'FILE', description: 'refuse a payload that does not fit this contract' },
} as const

const actArgs = {
  ...filterArgs,
  limit: { type: 'string', alias: 'n', valueHint: 'N', description: 'at most so many, the oldest first' },
  rate: { type: 'string', valueHint: 'N/s', description: 'at most so many in a time: 50/s, 600/m' },
  'dry-run': { type: 'boolean', description: 'show what would be done, and do nothing' },
  yes: { type: 'boolean', alias: 'y', description: 'do not ask' },
  json: { type: 'boolean', description: 'the result as one JSON value, for scripts' },
} as const

/** The command that does one thing to one kind of waiting messages. */
export function actCommand(kind: Kind, act: Act): Command {
  const { name, many } = kind
  const line = `pabal ${name} ${act.name} sqlite:./ftgo.db`
  const editing = act.name === 'edit'
  return command({
    name: act.name,
    summary: act.summary(kind),
    about: act.about,
    url: 'needed',
    operands: [{ name: 'ID', says: 'only these, by their ids or the last characters of them', optional: true, many: true }],
    args: { ...(editing && editArgs), ...actArgs } as typeof editArgs & typeof actArgs,
    repeated: editing ? ['set', 'unset', 'header'] : [],
    examples: editing
      ? [
          [`${line} 9f3a61c2ab04`, 'one of them, in your editor'],
          [`${line} 9f3a61c2ab04 --set lines.0.quantity=2 --contract kitchen.contract.ts`, 'without an editor'],
          [`${line} --channel kitchen --reason "no table" --set table=7 --dry-run`, 'several: look first'],
        ]
      : [
          [`${line} 9f3a61c2ab04`, 'one of them'],
          [`${line} --channel kitchen --reason "no gas" --dry-run`, 'look first'],
          act.asks
            ? [`${line} --older-than 24h --yes`, 'in a script, where nobody can be asked']
            : [`${line} --channel kitchen --rate 50/s`, `all ${many} of a channel, slowly`],
        ],
    run: async ({ args, all, operands, url, shell }) => {
      const perSecond = args.rate === undefined ? undefined : rate(args.rate, '--rate')
      const limit = limitOf(args.limit)
      const changes: Changes = {
        set: all('set'),
        unset: all('unset'),
        headers: all('header'),
        body: args.body === undefined ? undefined : await bytesFrom(args.body, shell),
      }
      const fitting = args.contract === undefined ? undefined : new Fitting(await loadContracts([args.contract], shell))
      return connected(url, shell, async ({ app }) => {
        let selection: Selection
        try {
          selection = await select(app, name, args, operands, limit)
        } catch (error) {
          if (!(error instanceof NotThere)) throw error
          shell.err.write(`${paintFor(shell.err).red(error.message)}\n`)
          return exit.failed
        }
        const work = new Work(app, kind, act, selection, limit)
        const planned = await work.plan(async (waiting) => {
          if (editing && !changesNothing(changes)) await checked(waiting, applied(waiting.message, changes), fitting)
        })
        if (planned === 0) {
          if (args.json === true)
            shell.out.write(`${JSON.stringify({ action: act.name, matched: 0, done: 0, gone: 0, dryRun: args['dry-run'] === true })}\n`)
          else shell.out.write(`There are no ${many} that fit.\n`)
          return exit.done
        }
        if (args['dry-run'] === true) return work.tell(shell, args.json === true)
        const edits = changes
        if (editing && changesNothing(changes)) {
          const edit = await edited(work, shell, fitting)
          if (edit === undefined) {
            shell.out.write('Nothing was changed, so nothing was done. (To have it handled again as it is: redrive.)\n')
            return exit.done
          }
          return work.carryOut(shell, args.json === true, perSecond, () => edit)
        }
        if (act.asks && !(selection.byId && planned === 1))
          await confirm(
            shell,
            `${act.name[0]?.toUpperCase()}${act.name.slice(1)} ${counted(planned, kind.one, many)} of ${work.where}?`,
            args.yes === true,
          )
        return work.carryOut(shell, args.json === true, perSecond, editing ? (waiting) => applied(waiting.message, edits) : undefined)
      })
    },
  })
}

async function edited(work: Work, shell: Shell, fitting: Fitting | undefined): Promise<Edit | undefined> {
  const [first, second] = work.first
  if (first === undefined || second !== undefined)
    throw new Usage('An editor changes one message: give its id. Several are changed by --set, --unset, --header or --body.')
  const edit = await byEditor(first.waiting, shell)
  if (edit !== undefined) await checked(first.waiting, edit, fitting)
  return edit
}

async function checked({ message }: Waiting, edit: Edit, fitting: Fitting | undefined): Promise<void> {
  const fault = await fitting?.fault({ ...message, ...(edit.body !== undefined && { body: edit.body }) })
  if (fault !== undefined) throw new Usage(`${message.id} would not fit: ${fault}. Nothing was done.`)
}
