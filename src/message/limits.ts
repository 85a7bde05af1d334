import { PabalError } from '../errors.ts'
import { type Message, none } from './message.ts'

/** Headers and attributes together may take this many bytes. */
export const maxHeaderBytes = 64 * 1024

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeValue = /[\u0000-\u0008\u000a-\u001f\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
const safeName = /^[\x21-\x39\x3b-\x7e]{1,256}$/
const forbidden = new Set(['__proto__', 'constructor', 'prototype'])

/** The message's size in bytes on any wire, roughly; never less than the body's. Cheap: characters count as one byte. */
export function sizeOf(message: Message): number {
  let size = 160 + message.body.byteLength + message.type.length + message.source.length + (message.key?.length ?? 0)
  // Walking even an empty record costs more than all the rest, and most messages have no headers.
  const { headers, extensions } = message
  if (headers !== none) for (const name in headers) size += name.length + (headers[name] as string).length
  if (extensions !== none) for (const name in extensions) size += name.length + (extensions[name] as string).length
  return size
}

/**
 * Why the message cannot travel, or undefined. Nothing may be written where it returns an error. `own`: its source and
 * type are names that were checked when they were declared, its id and correlation id were made here or have travelled already.
 */
export function checkMessage(message: Message, maxBytes: number, own = false): PabalError | undefined {
  const { id, headers, extensions } = message
  let headerBytes = 0
  if (headers !== none) {
    for (const name in headers) {
      const value: unknown = headers[name]
      const fault = headerFault(name, value)
      if (fault !== undefined) return new PabalError('INVALID_HEADER', `${message.type}: ${fault}`, { id })
      headerBytes += name.length + Buffer.byteLength(value as string)
    }
    if (Object.hasOwn(headers, '__proto__'))
      return new PabalError('INVALID_HEADER', `${message.type}: the header name "__proto__" is not allowed`, { id })
  }
  if (extensions !== none) for (const name in extensions) headerBytes += name.length + Buffer.byteLength(extensions[name] as string)
  const unsafe =
    (own
      ? undefined
      : (unsafeText('id', id) ??
        unsafeText('source', message.source) ??
        unsafeText('type', message.type) ??
        (message.correlationId === id ? undefined : unsafeText('correlation id', message.correlationId)))) ?? unsafeText('key', message.key)
  if (unsafe !== undefined)
    return new PabalError(
      'INVALID_HEADER',
      `${message.type}: ${unsafe} cannot travel: give a string of at most 4,096 characters without control characters`,
      { id },
    )
  if (headerBytes > maxHeaderBytes)
    return new PabalError(
      'MESSAGE_TOO_LARGE',
      `${message.type}: its headers take ${headerBytes} bytes, at most ${maxHeaderBytes} can travel`,
      { id },
    )
  const size = headerBytes + message.body.byteLength
  if (size > maxBytes)
    return new PabalError('MESSAGE_TOO_LARGE', `${message.type}: it takes ${size} bytes, this transport carries at most ${maxBytes}`, {
      id,
    })
  return undefined
}

/** The name and the text, shortened for an error, where it cannot travel; undefined where it can or is absent. */
function unsafeText(name: string, text: unknown): string | undefined {
  if (text === undefined) return undefined
  if (typeof text === 'string' && (isPlain(text) || (text.length <= 4096 && !unsafeValue.test(text)))) return undefined
  return `the ${name} ${(JSON.stringify(text) ?? String(text)).slice(0, 80)}`
}

/** Whether a text that came from elsewhere could travel on as an attribute or a header's value. */
export function isSafeText(text: string): boolean {
  return isPlain(text) || !unsafeValue.test(text)
}

/** Whether a name that came from elsewhere could travel on as a header's. A colon is for Pabal's own names. */
export function isSafeName(name: string): boolean {
  return safeName.test(name) && !forbidden.has(name)
}

/** Short printable ASCII, as nearly every id and name is: a loop over it costs less than entering the regular expression. */
function isPlain(text: string): boolean {
  if (text.length > 64) return false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e) return false
  }
  return true
}

function headerFault(name: string, value: unknown): string | undefined {
  if (forbidden.has(name)) return `the header name ${JSON.stringify(name)} is not allowed`
  if (!safeName.test(name))
    return `the header name ${JSON.stringify(name).slice(0, 80)} is not allowed: use 1 to 256 visible ASCII characters without a colon`
  if (typeof value !== 'string') return `the header ${name} is ${typeof value}, give a string`
  if (unsafeValue.test(value)) return `the header ${name} holds a line break, another control character or half of a surrogate pair`
  return undefined
}
