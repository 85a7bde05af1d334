/** Characters that take two cells of a terminal, and those that take none. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u
const none = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u

/** How many cells of a terminal a text takes. */
export function widthOf(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += none.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}

/** The text in at most so many cells, with `…` where something is left out. */
export function cut(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text
  let kept = ''
  let width = 0
  for (const character of text) {
    const more = widthOf(character)
    if (width + more > cells - 1) break
    kept += character
    width += more
  }
  return `${kept}…`
}

/** What others wrote must not move the cursor, colour the terminal or turn the direction of what follows. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Lines of at most so many cells, broken between words; `indent` before each but the first. */
export function wrapped(text: string, cells: number, indent = ''): string {
  return text
    .split('\n')
    .map((line) => {
      if (widthOf(line) <= cells) return line
      const own = /^ */.exec(line)?.[0] ?? ''
      const lines: string[] = []
      let at = own
      for (const word of line.trim().split(/ +/)) {
        const longer = at.trim() === '' ? at + word : `${at} ${word}`
        if (at.trim() !== '' && widthOf(longer) > cells - (lines.length === 0 ? 0 : indent.length)) {
          lines.push(at)
          at = own + word
        } else at = longer
      }
      return [...lines, at].join(`\n${indent}`)
    })
    .join(`\n${indent}`)
}

/** `1,204 dead letters`, `1 dead letter`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString('en')} ${count === 1 ? one : many}`

/** How long ago, shortly. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`
  return `${Math.round(seconds / 86_400)}d`
}

export const instant = (ms: number): string => new Date(ms).toISOString()
