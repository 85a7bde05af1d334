import { cut, widthOf } from './text.ts'

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  readonly right?: boolean
  /** It may be cut down to so many cells where the terminal is narrow. */
  readonly least?: number
  /** It is left out where the terminal is narrow: the lowest first. */
  readonly drop?: number
  /** Applied to the padded cell. */
  readonly paint?: ((text: string, row: Row) => string) | undefined
}

const gap = '  '

/** A table for a terminal of so many columns. Columns without any content are left out where they may be. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number, head: (text: string) => string): string {
  let shown = columns.map((column) => {
    const cells = rows.map((row) => column.of(row))
    const full = Math.max(widthOf(column.title), ...cells.map(widthOf))
    return { column, cells, width: full, least: Math.min(full, Math.max(column.least ?? full, widthOf(column.title))) }
  })
  const total = (of: (each: (typeof shown)[number]) => number): number =>
    shown.reduce((sum, each) => sum + of(each), gap.length * (shown.length - 1))
  for (;;) {
    if (total(({ least }) => least) <= width) break
    const [first] = shown.filter(({ column }) => column.drop !== undefined).sort((a, b) => (a.column.drop ?? 0) - (b.column.drop ?? 0))
    if (first === undefined) break
    shown = shown.filter((each) => each !== first)
  }
  for (let over = total((each) => each.width) - width; over > 0; ) {
    const [widest] = shown.filter((each) => each.width > each.least).sort((a, b) => b.width - a.width)
    if (widest === undefined) break
    const next = Math.max(widest.least, ...shown.filter((each) => each !== widest && each.width < widest.width).map((each) => each.width))
    const less = Math.max(1, Math.min(over, widest.width - next))
    widest.width -= less
    over -= less
  }
  const line = (cell: (each: (typeof shown)[number]) => [text: string, paint: (text: string) => string]): string =>
    shown
      .map((each, index) => {
        const [text, paint] = cell(each)
        const short = cut(text, each.width)
        const padding = ' '.repeat(Math.max(0, each.width - widthOf(short)))
        if (each.column.right === true) return padding + paint(short)
        return paint(short) + (index === shown.length - 1 ? '' : padding)
      })
      .join(gap)
      .trimEnd()
  const same = (text: string): string => text
  return [
    line(({ column }) => [column.title, head]),
    ...rows.map((row, i) =>
      line(({ column, cells }) => [cells[i] as string, column.paint === undefined ? same : (text) => column.paint?.(text, row) ?? text]),
    ),
  ].join('\n')
}
