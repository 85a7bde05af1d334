import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Message, Middleware } from 'pabal'
import { LineFile, readLines } from './lines.ts'
import { countsPath, type Place } from './place.ts'

export const styles = [
  'request/response',
  'request/async response',
  'one-way notification',
  'publish/subscribe',
  'publish/async responses',
] as const
export type Style = (typeof styles)[number]

/** Notes the interaction style of every message that is handled; on disk, since the process may be killed at any moment. */
export function countStyles(place: Place, service: string): Middleware {
  const counts = new LineFile(countsPath(place, service))
  return async ({ message }, next) => {
    await next()
    counts.append({ style: styleOf(message), type: message.type })
  }
}

export function styleOf(message: Message): Style {
  if (message.kind === 'event') return 'publish/subscribe'
  if (message.kind === 'notification' || message.kind === 'document') return 'one-way notification'
  // The one question of the demo that goes to many.
  if (message.kind === 'query') return message.type === 'quote' ? 'publish/async responses' : 'request/response'
  return message.replyTo?.startsWith('inbox.') ? 'request/response' : 'request/async response'
}

export function readStyles(place: Place): Record<Style, number> {
  const total = Object.fromEntries(styles.map((style) => [style, 0])) as Record<Style, number>
  for (const file of readdirSync(place.folder)) {
    if (!file.endsWith('.handled.jsonl')) continue
    for (const { style } of readLines<{ style: Style }>(join(place.folder, file))) total[style]++
  }
  return total
}
