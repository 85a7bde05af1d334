import { deadExtensions } from '../../delivery/dead-letter.ts'
import type { Waiting } from '../../delivery/waiting.ts'
import type { Message } from '../../message/message.ts'
import type { Paint } from './paint.ts'
import { counted, instant, visible } from './text.ts'

/** How much of a body is shown to a person, in characters. */
const most = 2000

export interface Body {
  readonly encoding: 'json' | 'text' | 'base64'
  /** What JSON holds; text; base64 of anything else. */
  readonly payload: unknown
}

/** The payload as its content type says. JSON that is none is shown as text, what is no text as base64. */
export function bodyOf({ contentType, body }: Message): Body {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const type = contentType.toLowerCase()
  const json = /^(?:application|text)\/(?:[\w.-]+\+)?json\b/.test(type)
  if (json || type.startsWith('text/')) {
    const text = buffer.toString('utf8')
    if (!json) return { encoding: 'text', payload: text }
    try {
      return { encoding: 'json', payload: JSON.parse(text) }
    } catch {
      return { encoding: 'text', payload: text }
    }
  }
  return { encoding: 'base64', payload: buffer.toString('base64') }
}

/** The payload on one line. */
export function bodyText(message: Message): string {
  const { encoding, payload } = bodyOf(message)
  if (encoding === 'json') return JSON.stringify(payload)
  return encoding === 'text' ? String(payload) : `base64: ${payload}`
}

/** A message for scripts; docs/reference/cli.md has its shape. Why a dead letter is one is said beside it, not in its extensions. */
export function messageJson(message: Message): Record<string, unknown> {
  const { id, type, kind, version, source, time, key, contentType, correlationId, causationId, replyTo, headers } = message
  const extensions: Record<string, string> = { ...message.extensions }
  for (const name of deadExtensions) delete extensions[name]
  const { encoding, payload } = bodyOf(message)
  return {
    id,
    type,
    kind,
    version,
    source,
    time: instant(time),
    key,
    contentType,
    correlationId,
    causationId,
    replyTo,
    extensions,
    headers: { ...headers },
    encoding,
    payload,
  }
}

/** Why it waits, for scripts. */
export function waitingJson(waiting: Waiting): Record<string, unknown> {
  const { code, reason, attempts, first, last, due, follows, message } = waiting
  const time = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : instant(ms))
  return { code, reason, attempts, first: time(first), last: time(last), due: time(due), follows, ...messageJson(message) }
}

/** A message as a person reads it, whole. */
export function messageText(message: Message, paint: Paint, more: readonly string[] = []): string {
  const { id, type, kind, source, time, key, version, extensions, headers, correlationId, causationId, replyTo } = message
  const others = Object.entries(extensions).filter(([name]) => !(deadExtensions as readonly string[]).includes(name))
  const { encoding, payload } = bodyOf(message)
  const whole = encoding === 'json' ? JSON.stringify(payload, null, 2) : String(payload)
  const left = whole.length > most ? ` … (${counted(message.body.byteLength, 'byte')} in all; --json shows them)` : ''
  const body = whole.slice(0, most) + left
  const facts: (readonly [string, string | undefined])[] = [
    ['id', id],
    ['sent', `${instant(time)} by ${source}`],
    ['kind', version === 1 ? kind : `${kind}, version ${version}`],
    ['key', key],
    ['correlation', correlationId === id ? undefined : correlationId],
    ['caused by', causationId],
    ['reply to', replyTo],
    ...others.map(([name, value]) => [name, value] as const),
    ...Object.entries(headers).map(([name, value]) => [`header ${name}`, value] as const),
  ]
  return [
    paint.bold(visible(type)),
    ...more,
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${paint.dim(`${visible(name)}:`)} ${visible(value)}`])),
    ...(encoding === 'base64' ? [`  ${paint.dim('base64:')}`] : []),
    ...(encoding === 'text' ? [visible(body)] : body.split('\n').map(visible)).map((line) => `  ${line}`),
  ].join('\n')
}

/** What the handler itself said, without what introduces it: a table has little room. */
export function shortReason({ reason }: Waiting): string {
  return visible(reason.replace(/^.* failed after \d+ attempts?; the last: /, ''))
}

/** Why it waits, in lines for `messageText`. */
export function waitingLines({ code, reason, attempts, first, last, due, follows }: Waiting, paint: Paint, parked: boolean): string[] {
  const lines = [`  ${paint.red(`${code}: ${visible(reason)}`)}`]
  if (follows) return lines
  const when = first === undefined || last === undefined || attempts === 0 ? '' : `, ${instant(first)} to ${instant(last)}`
  const next = !parked ? '' : due === undefined ? '; waits for a person' : `; next attempt ${instant(due)}`
  return [...lines, `  ${counted(attempts, 'attempt')}${when}${next}`]
}
