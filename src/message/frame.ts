import type { Kind, Message } from './message.ts'
import { none } from './message.ts'

/*
 * A message packed for stores and links of Pabal's own: u32 length of the whole frame, u32 length of the text, text, body.
 * The text is the attributes and headers joined by line feeds, which no attribute or header may hold (see limits.ts):
 * one write and one split are several times faster than JSON.
 */
const formatVersion = '1'
const fixed = 13

const empty = Buffer.alloc(0)
/** A writer keeps no more memory than this between copies. */
const kept = 64 * 1024

/** Packs messages one behind the other into a buffer that grows. It is made at the first message, as large as is expected. */
export class FrameWriter {
  #buffer = empty
  #length = 0
  #expected: number

  constructor(expected = 1024) {
    this.#expected = expected
  }

  get length(): number {
    return this.#length
  }

  /** Appends the message, behind a u16 of the caller's where one is given; the number of bytes written. */
  write(message: Message, prefix?: number): number {
    const text = textOf(message)
    this.#reserve(10 + text.length * 3 + message.body.byteLength)
    const buffer = this.#buffer
    if (prefix !== undefined) this.#length = buffer.writeUInt16LE(prefix, this.#length)
    const start = this.#length
    const textLength = buffer.write(text, start + 8, 'utf8')
    buffer.set(message.body, start + 8 + textLength)
    const total = 8 + textLength + message.body.byteLength
    buffer.writeUInt32LE(total, start)
    buffer.writeUInt32LE(textLength, start + 4)
    this.#length = start + total
    return total
  }

  /** Appends bytes of the caller's. */
  put(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  /** What was written, in a buffer of its own (it may be transferred); the writer starts anew. */
  take(): Buffer {
    const whole = this.#buffer.subarray(0, this.#length)
    // As much again, and room for the largest guess at the length of a text.
    this.#expected = this.#length + (this.#length >> 3) + 1024
    this.#buffer = empty
    this.#length = 0
    return whole
  }

  /** A copy of what was written, in memory of just its size; the writer starts anew in its own. */
  copy(): Uint8Array {
    const whole = new Uint8Array(this.#buffer.subarray(0, this.#length))
    this.#clear()
    return whole
  }

  /** As `copy`, in memory that it may share with others: faster, and for what stays in this thread. */
  pooled(): Buffer {
    const whole = Buffer.allocUnsafe(this.#length)
    this.#buffer.copy(whole, 0, 0, this.#length)
    this.#clear()
    return whole
  }

  #clear(): void {
    this.#length = 0
    if (this.#buffer.length > kept) this.#buffer = empty
  }

  /** What was written last is a guess at what comes next. */
  get expected(): number {
    return this.#expected
  }

  #reserve(more: number): void {
    const need = this.#length + more
    if (need <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.#buffer.length * 2, this.#expected))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

/** Where the frame that begins at `offset` ends. */
export function frameEnd(bytes: Buffer, offset: number): number {
  return offset + bytes.readUInt32LE(offset)
}

/** The message in the frame at `offset`. Its body is a view into `bytes`. */
export function readFrame(bytes: Buffer, offset: number): Message {
  const end = offset + bytes.readUInt32LE(offset)
  const bodyAt = offset + 8 + bytes.readUInt32LE(offset + 4)
  const parts = bytes.toString('utf8', offset + 8, bodyAt).split('\n')
  const extensionsEnd = fixed + 2 * Number(parts[12])
  return {
    id: parts[1] as string,
    source: parts[2] as string,
    type: parts[3] as string,
    kind: parts[4] as Kind,
    version: Number(parts[5]),
    time: Number(parts[6]),
    contentType: parts[7] as string,
    key: parts[8] || undefined,
    correlationId: parts[9] || undefined,
    causationId: parts[10] || undefined,
    replyTo: parts[11] || undefined,
    extensions: record(parts, fixed, extensionsEnd),
    headers: record(parts, extensionsEnd, parts.length),
    body: bytes.subarray(bodyAt, end),
  }
}

function textOf(m: Message): string {
  let extensions = 0
  let rest = ''
  for (const name in m.extensions) {
    extensions++
    rest += `\n${name}\n${m.extensions[name]}`
  }
  for (const name in m.headers) rest += `\n${name}\n${m.headers[name]}`
  return `${formatVersion}\n${m.id}\n${m.source}\n${m.type}\n${m.kind}\n${m.version}\n${m.time}\n${m.contentType}\n${m.key ?? ''}\n${m.correlationId ?? ''}\n${m.causationId ?? ''}\n${m.replyTo ?? ''}\n${extensions}${rest}`
}

function record(parts: readonly string[], from: number, to: number): Readonly<Record<string, string>> {
  if (from >= to) return none
  const found: Record<string, string> = {}
  for (let i = from; i < to; i += 2) found[parts[i] as string] = parts[i + 1] as string
  return found
}
