import { isUtf8 } from 'node:buffer'
import { isSafeName, isSafeText } from '../../message/limits.ts'

/*
 * Other clients put into headers what Pabal's own links cannot carry: numbers and tables (AMQP), any bytes (Kafka), line
 * breaks. It becomes text that can travel; what cannot stand in it is written as %XX, byte by byte.
 */

/** A header's value as text: text as it is, bytes as UTF-8, numbers and truth values as such, tables and dates as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return isSafeText(value) ? value : escaped(Buffer.from(value, 'utf8'), isControl)
  if (value instanceof Uint8Array) return bytesOf(value)
  if (value === null || value === undefined) return ''
  if (typeof value === 'object') return textOf(jsonOf(value))
  return String(value)
}

/** A header's name as text. */
export function nameOf(name: unknown): string {
  return typeof name === 'string' ? name : textOf(name)
}

/** The name under which a header of a foreign message goes on. */
export function safeNameOf(name: string): string {
  if (isSafeName(name)) return name
  const safe = escaped(Buffer.from(name, 'utf8'), isOutsideName)
  // Plain, and forbidden for what it means in JavaScript.
  return safe === name && !isSafeName(name) ? `%${name.charCodeAt(0).toString(16).toUpperCase()}${name.slice(1)}` : safe
}

function bytesOf(value: Uint8Array): string {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const text = bytes.toString('utf8')
  // Reading puts U+FFFD for bad bytes; only then is it asked whether it stood there.
  if (text.includes('\ufffd') && !isUtf8(bytes)) return escaped(bytes, isOutsideAscii)
  return isSafeText(text) ? text : escaped(bytes, isControl)
}

function jsonOf(value: object): string {
  try {
    return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? String(member) : member)) ?? ''
  } catch {
    return '[object]'
  }
}

const percent = 0x25
const isControl = (byte: number): boolean => byte === percent || (byte < 0x20 && byte !== 9) || byte === 0x7f
const isOutsideAscii = (byte: number): boolean => isControl(byte) || byte > 0x7e
const isOutsideName = (byte: number): boolean => byte <= 0x20 || byte > 0x7e || byte === 0x3a

function escaped(bytes: Buffer, isUnsafe: (byte: number) => boolean): string {
  const safe: number[] = []
  for (const byte of bytes) {
    if (isUnsafe(byte)) safe.push(percent, ...Buffer.from(byte.toString(16).toUpperCase().padStart(2, '0')))
    else safe.push(byte)
  }
  return Buffer.from(safe).toString('utf8')
}
