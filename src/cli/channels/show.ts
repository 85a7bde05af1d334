import type { Depth } from '../../transport/seam.ts'
import type { Shell } from '../frame/shell.ts'
import { paintFor } from '../view/paint.ts'
import { type Column, table } from '../view/table.ts'
import { age, counted, cut, visible } from '../view/text.ts'
import { isEphemeral, membersOf, type Overview, shardText } from './overview.ts'

/** The table that a person sees. `detail`: the members and their shards below each channel. */
export function overviewText(rows: readonly Overview[], shell: Shell, detail: boolean): string {
  const paint = paintFor(shell.out)
  const { columns } = shell.out
  const now = shell.runtime.now()
  if (rows.length === 0) return 'There are no channels yet: they come to be when the first service starts.'
  const number = (value: number): string => value.toLocaleString('en')
  const zeroDim = (text: string): string => (text === '0' ? paint.dim(text) : text)
  const alarming = (text: string): string => (text === '0' ? paint.dim(text) : paint.red(text))
  const grouped = rows.some(({ depth }) => depth.group !== undefined)
  const all: Column<Overview>[] = [
    { title: 'CHANNEL', of: ({ depth }) => visible(depth.channel.address), paint: paint.bold, least: 10 },
    ...(grouped ? [{ title: 'GROUP', of: ({ depth }: Overview) => groupText(depth), least: 8 }] : []),
    { title: 'WAITING', of: ({ depth }) => number(depth.waiting), right: true, paint: zeroDim },
    { title: 'OLDEST', of: ({ depth }) => (depth.oldest === undefined ? '' : age(now - depth.oldest)), right: true, drop: 2 },
    { title: 'PARKED', of: ({ depth }) => number(depth.parked), right: true, paint: alarming },
    { title: 'DEAD', of: ({ dead }) => (dead === undefined ? '' : number(dead)), right: true, paint: alarming },
    { title: 'INVALID', of: ({ invalid }) => (invalid === undefined ? '' : number(invalid)), right: true, paint: alarming, drop: 1 },
    {
      title: 'MEMBERS',
      of: membersText,
      paint: (text, { depth }) => (text === 'none' && depth.waiting > 0 ? paint.yellow(text) : text),
      least: 16,
      drop: 3,
    },
  ]
  const [head, ...lines] = table(all, rows, columns, paint.dim).split('\n')
  const below = (row: Overview): string[] => [
    ...(detail ? memberLines(row, columns, paint) : []),
    ...(row.hot === undefined || row.hot.keys.length === 0
      ? []
      : [
          `  ${paint.dim(`hot keys of the first ${number(row.hot.scanned)}:`)} ${cut(
            row.hot.keys.map(({ key, waiting }) => `${visible(key)} ×${number(waiting)}`).join(', '),
            Math.max(20, columns - 30 - number(row.hot.scanned).length),
          )}`,
        ]),
  ]
  return [head, ...lines.flatMap((line, i) => [line, ...below(rows[i] as Overview)])].join('\n')
}

/** Of a subscriber that is gone when it ends, only what tells it from others. */
const groupText = (depth: Depth): string => visible(isEphemeral(depth) ? `~${depth.group?.slice(-6)}` : (depth.group ?? ''))

/** `pid 4711/0 ×8, pid 4712/0 ×8, 1 idle`. */
function membersText({ depth }: Overview): string {
  const members = membersOf(depth)
  if (members.length === 0) return 'none'
  const idle = members.filter(({ count }) => count === 0).length
  const busy = members.filter(({ count }) => count > 0).map(({ name, count }) => `${visible(name)} ×${count}`)
  return [...busy, ...(idle > 0 ? [`${idle} idle`] : [])].join(', ')
}

function memberLines({ depth }: Overview, columns: number, paint: ReturnType<typeof paintFor>): string[] {
  return membersOf(depth).map(({ name, count, owns }) => {
    if (count === 0) return `  ${visible(name)} ${paint.yellow('idle: owns no shard')}`
    const named = owns === undefined ? '' : `: ${shardText(owns)}`
    return cut(`  ${visible(name)} owns ${counted(count, 'shard')}${named}`, columns)
  })
}
