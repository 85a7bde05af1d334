import type { Paint } from '../view/paint.ts'
import { widthOf, wrapped } from '../view/text.ts'
import { hintOf } from './arguments.ts'
import type { Command } from './command.ts'
import { exitMeanings } from './exit.ts'

/** `pabal dead-letters list [URL]`. */
export function usageOf(path: readonly string[], command: Command): string {
  if (command.commands.length > 0) return `${path.join(' ')} COMMAND`
  const operands = command.operands.map(({ name, optional, many }) => {
    const text = many === true ? `${name}…` : name
    return optional === true ? `[${text}]` : text
  })
  return [
    path.join(' '),
    ...(command.url === undefined ? [] : ['[URL]']),
    ...operands,
    ...(Object.keys(command.args).length > 0 ? ['[options]'] : []),
  ].join(' ')
}

/** The page of a command or a group, for a terminal of so many columns. */
export function helpOf(path: readonly string[], command: Command, columns: number, paint: Paint): string {
  const width = Math.max(40, Math.min(columns, 100))
  const blocks: string[] = [`${wrapped(command.summary, width)}\n\n  ${paint.bold(usageOf(path, command))}`]
  if (command.about !== undefined) blocks.push(wrapped(command.about, width))
  const list = (rows: readonly (readonly [name: string, says: string])[]): string => {
    const longest = Math.max(...rows.map(([name]) => widthOf(name)))
    // Where the names leave too little room, what they mean stands below them.
    const below = width - longest - 4 < 30
    return rows
      .map(([name, says]) => {
        const shown = paint.cyan(name)
        if (says === '') return `  ${shown}`
        if (below) return `  ${shown}\n      ${wrapped(says, width - 6, '      ')}`
        const indent = ' '.repeat(longest + 4)
        return `  ${shown}${' '.repeat(longest - widthOf(name) + 2)}${wrapped(says, width - indent.length, indent)}`
      })
      .join('\n')
  }
  const section = (title: string, rows: readonly (readonly [string, string])[]): void => {
    if (rows.length > 0) blocks.push(`${paint.bold(title)}\n${list(rows)}`)
  }
  section(
    'Commands',
    command.commands.map(({ name, summary }) => [name, summary]),
  )
  section('Given in this order', [
    ...(command.url === undefined
      ? []
      : [['URL', 'the store or broker, such as sqlite:./app.db; may be left out where PABAL_URL is set or --url is given'] as const]),
    ...command.operands.map(({ name, says }) => [name, says] as const),
  ])
  if (command.commands.length === 0) section('Options', optionRows(command))
  if (command.examples.length > 0)
    blocks.push(`${paint.bold('Examples')}\n${command.examples.map(([line, says]) => `  ${paint.dim(`# ${says}`)}\n  ${line}`).join('\n')}`)
  if (path.length === 1) {
    section(
      'Exit codes',
      exitMeanings.map(([code, meaning]) => [String(code), meaning]),
    )
    blocks.push(`${path[0]} COMMAND --help tells more about each; ${path[0]} --version says which this is.`)
  } else if (command.commands.length > 0) blocks.push(`${path.join(' ')} COMMAND --help tells more about each.`)
  return blocks.join('\n\n')
}

function optionRows(command: Command): (readonly [string, string])[] {
  const rows = Object.entries(command.args).map(([name, arg]) => {
    const { alias, default: value } = arg as { alias?: string; default?: unknown }
    const value_ = arg.type === 'boolean' ? '' : ` ${hintOf(command, name)}`
    const more = [
      ...(command.repeated.has(name) ? ['may be given several times'] : []),
      ...(value === undefined || value === false ? [] : [`default ${String(value)}`]),
    ]
    const says = `${arg.description ?? ''}${more.length === 0 ? '' : ` (${more.join(', ')})`}`
    return [`${alias === undefined ? '' : `-${alias}, `}--${name}${value_}`, says] as const
  })
  return [...rows, ['-h, --help', 'this page']]
}
