import { PabalError } from '../errors.ts'

/** How a body travels, and its media type (CloudEvents `datacontenttype`). */
export const contentTypes = { json: 'application/json', text: 'text/plain; charset=utf-8', binary: 'application/octet-stream' } as const
export type ContentName = keyof typeof contentTypes

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes of `value`. Throws `INVALID_PAYLOAD` where the content cannot carry it. */
export function encodeBody(content: ContentName, value: unknown): Uint8Array {
  if (content === 'json') return Buffer.from(writeJson(value, 'payload'), 'utf8')
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
  // The handler's own: the transport may show the message to others, and deliver it again.
  if (content === 'binary') return new Uint8Array(bytes)
  const text = decodeText(bytes)
  if (content === 'text') return text
  return readJson(text, 'body')
}

/** The JSON text of a value, which is called `what` in errors. Throws `INVALID_PAYLOAD`. */
export function writeJson(value: unknown, what: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new PabalError('INVALID_PAYLOAD', `the ${what} cannot be written as JSON: ${(cause as Error).message}`, { cause })
  }
  if (text === undefined) throw new PabalError('INVALID_PAYLOAD', `the ${what} is ${typeof value}, which JSON cannot carry`)
  // JSON writes such a key exactly so, and never so within a string. A text has many quotes and few underscores: it is asked for those first.
  if (text.includes('__proto__') && text.includes('"__proto__":'))
    throw new PabalError('INVALID_PAYLOAD', `the ${what} holds the key "__proto__", which is not allowed`)
  return text
}

/** The value of a JSON text. Throws `INVALID_MESSAGE`. */
export function readJson(text: string, what: string): unknown {
  try {
    // A revived parse costs several times a plain one, so it is only made where the text could hold such a key.
    return mayHoldProto(text) ? JSON.parse(text, (key, value) => refuseProto(key, value, what)) : JSON.parse(text)
  } catch (cause) {
    if (cause instanceof PabalError) throw cause
    throw new PabalError('INVALID_MESSAGE', `the ${what} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** As it is, or with any of its characters escaped, each of which is below 0x100; more scans would cost more than a few needless revivals. */
function mayHoldProto(text: string): boolean {
  return text.includes('__proto__') || text.includes('\\u00')
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

function refuseProto(key: string, value: unknown, what: string): unknown {
  if (key === '__proto__') throw new PabalError('INVALID_MESSAGE', `the ${what} holds the key "__proto__", which is not allowed`)
  return value
}
