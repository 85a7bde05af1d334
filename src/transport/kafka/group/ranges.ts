/**
 * Positions as text: ranges, counted from `floor` and each from the one before. The latest are left out where the text would be
 * longer than `most`.
 */
export function writeRanges(
  head: string,
  floor: number,
  positions: readonly number[],
  most: number,
): { readonly text: string; readonly whole: boolean } {
  const sorted = positions.filter((position) => position >= floor).sort((a, b) => a - b)
  if (sorted.length === 0) return { text: '', whole: true }
  let text = head
  let last = floor
  for (let i = 0; i < sorted.length; ) {
    const from = sorted[i] as number
    let to = from
    while (i < sorted.length && (sorted[i] as number) <= to + 1) to = sorted[i++] as number
    const range = ` ${(from - last).toString(36)}${to > from ? `+${(to - from).toString(36)}` : ''}`
    if (text.length + range.length > most) return { text, whole: false }
    text += range
    last = to
  }
  return { text, whole: true }
}

/** The positions in such a text, which begins with a space; what is not understood ends it. */
export function readRanges(floor: number, text: string): number[] {
  const positions: number[] = []
  let last = floor
  for (const range of text.split(' ')) {
    if (range === '') continue
    const [skip = '', more = '0'] = range.split('+')
    const from = last + Number.parseInt(skip, 36)
    last = from + Number.parseInt(more, 36)
    if (!Number.isSafeInteger(last) || last - from > 1_000_000) return positions
    for (let position = from; position <= last; position++) positions.push(position)
  }
  return positions
}
