import { PabalError } from '../errors.ts'

/** How a body travels, and its media type (CloudEvents `datacontenttype`). */
export const contentTypes = { json: 'application/json', text: 'text/plain; charset=utf-8', binary: 'application/octet-stream' } as const
export type ContentName = keyof typeof contentTypes

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes of `value`. Throws `INVALID_PAYLOAD` where the content cannot carry it. */
export function encodeBody(content: ContentName, value: unknown): Uint8Array {
  if (content === 'json') {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (cause) {
      throw new PabalError('INVALID_PAYLOAD', `the payload cannot be written as JSON: ${(cause as Error).message}`, { cause })
    }
    if (text === undefined) throw new PabalError('INVALID_PAYLOAD', `the payload is ${typeof value}, which JSON cannot carry`)
    // JSON writes such a key exactly so, and never so within a string.
    if (text.includes('"__proto__":'))
      throw new PabalError('INVALID_PAYLOAD', 'the payload holds the key "__proto__", which is not allowed')
    return Buffer.from(text, 'utf8')
  }
  if (content === 'text') {
    if (typeof value !== 'string') throw new PabalError('INVALID_PAYLOAD', `the payload is ${typeof value}, text content carries a string`)
    return Buffer.from(value, 'utf8')
  }
  if (!(value instanceof Uint8Array))
    throw new PabalError('INVALID_PAYLOAD', `the payload is ${typeof value}, binary content carries a Uint8Array`)
  return value
}

/** The value in `bytes`. Throws `INVALID_MESSAGE` where they do not hold one, or hold a `__proto__` key. */
export function decodeBody(content: ContentName, bytes: Uint8Array): unknown {
  if (content === 'binary') return bytes
  const text = decodeText(bytes)
  if (content === 'text') return text
  try {
    // A revived parse costs several times a plain one, so it is only made where the text could hold such a key.
    return text.includes('__proto__') || text.includes('\\u005f') || text.includes('\\u005F')
      ? JSON.parse(text, refuseProto)
      : JSON.parse(text)
  } catch (cause) {
    if (cause instanceof PabalError) throw cause
    throw new PabalError('INVALID_MESSAGE', `the body is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  // toString puts U+FFFD for bad bytes; only then is the strict decoder asked whether it stood there.
  if (!text.includes('\ufffd')) return text
  try {
    return strictText.decode(bytes)
  } catch (cause) {
    throw new PabalError('INVALID_MESSAGE', 'the body is not UTF-8 text', { cause })
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new PabalError('INVALID_MESSAGE', 'the body holds the key "__proto__", which is not allowed')
  return value
}
