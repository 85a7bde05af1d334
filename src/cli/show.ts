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

/** A message as a person reads it. */
export function storedText({ position, message, note }: Stored): string {
  const lines = [
    `${message.type}  ${message.id}`,
    `  position ${position}  ${message.kind} from ${message.source}  ${new Date(message.time).toISOString()}${message.key === undefined ? '' : `  key ${message.key}`}`,
  ]
  if (note) {
    const due = note.due === undefined ? 'waits for a person' : `due ${new Date(note.due).toISOString()}`
    lines.push(`  parked: ${note.code}: ${note.reason} (${note.attempts} attempts, ${due})`)
  }
  for (const [name, value] of Object.entries({ ...message.extensions, ...message.headers })) lines.push(`  ${name}: ${value}`)
  lines.push(`  ${body(message.contentType, message.body)}`)
  return lines.join('\n')
}

export function storedAsJson({ position, message, note }: Stored): string {
  return JSON.stringify({ position, ...message, body: body(message.contentType, message.body), note })
}

function body(contentType: string, bytes: Uint8Array): string {
  const readable = contentType.startsWith('text/') || contentType === 'application/json'
  return Buffer.from(bytes).toString(readable ? 'utf8' : 'base64')
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  return `${Math.round(seconds / 3600)}h`
}
