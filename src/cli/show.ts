import type { Depth, Stored } from '../transport/seam.ts'

/** A table of channels and groups for a terminal. */
export function depthTable(depths: readonly Depth[], now: number): string {
  if (depths.length === 0) return 'The store has no channels.'
  const rows = depths.map((depth) => [
    depth.channel.address,
    depth.group ?? '',
    String(depth.waiting),
    String(depth.parked),
    depth.oldest === undefined ? '' : age(now - depth.oldest),
    Object.entries(depth.owners)
      .map(([member, shards]) => `${member.slice(-12)}:${shards}`)
      .join(' '),
  ])
  const head = ['channel', 'group', 'waiting', 'parked', 'oldest', 'owners (shards)']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)))
  const right = new Set([2, 3, 4])
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right.has(i) ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}

/** How much of a body is shown to a person, in characters. */
const shown = 2000

/** A message as a person reads it. */
export function storedText({ position, message, note }: Stored): string {
  const { id, type, kind, source, time, key, extensions, headers } = message
  const lines = [
    `${type}  ${id}`,
    `  position ${position}  ${kind} from ${source}  ${new Date(time).toISOString()}${key === undefined ? '' : `  key ${key}`}`,
  ]
  if (note) {
    const due = note.due === undefined ? 'waits for a person' : `due ${new Date(note.due).toISOString()}`
    lines.push(`  parked: ${note.code}: ${note.reason} (${attempts(note.attempts)}, ${due})`)
  }
  const { deadcode, deadreason, deadchannel, deadgroup, deadattempts, deadfirst, deadlast, ...others } = extensions
  if (deadcode !== undefined) {
    const by = deadgroup === undefined || deadgroup === deadchannel ? `${deadchannel}` : `${deadchannel} by ${deadgroup}`
    lines.push(`  put aside: ${deadcode}: ${deadreason}`, `  from ${by}, ${attempts(Number(deadattempts))}, ${deadfirst} to ${deadlast}`)
  }
  for (const [name, value] of Object.entries({ ...others, ...headers })) lines.push(`  ${name}: ${value}`)
  const { text, encoding } = bodyOf(message.contentType, message.body)
  const more = text.length > shown ? ` … (${message.body.byteLength} bytes in all; --json shows them)` : ''
  lines.push(`  ${encoding === undefined ? '' : `${encoding}: `}${text.slice(0, shown)}${more}`)
  return lines.map(visible).join('\n')
}

export function storedAsJson({ position, message, note }: Stored): string {
  const { text, encoding } = bodyOf(message.contentType, message.body)
  return JSON.stringify({ position, ...message, body: text, bodyEncoding: encoding, note })
}

const attempts = (count: number): string => `${count} ${count === 1 ? 'attempt' : 'attempts'}`

/** What others wrote must not move the cursor or colour the terminal. */
function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function bodyOf(contentType: string, bytes: Uint8Array): { readonly text: string; readonly encoding?: 'base64' } {
  const readable = contentType.startsWith('text/') || /^application\/(?:[\w.-]+\+)?json/.test(contentType)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return readable ? { text: buffer.toString('utf8') } : { text: buffer.toString('base64'), encoding: 'base64' }
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  return `${Math.round(seconds / 3600)}h`
}
