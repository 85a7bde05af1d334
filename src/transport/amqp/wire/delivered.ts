import type { AmqpMessage } from '../driver.ts'

export type Pair = readonly [name: string, value: unknown]

/** What the last delivery of a consumer held: most names and many values are the same in the next, and are not made again. */
export interface Remembered {
  pairs: readonly Pair[]
  contentType: string
}

const flag = { contentType: 0x8000, headers: 0x2000, messageId: 0x80, timestamp: 0x40 } as const
/** What stands in the order of the protocol between the headers and the message id: a byte, or a text. */
const bytesBefore = [0x1000, 0x800]
const textsBefore = [0x400, 0x200, 0x100]
const encoding = 0x4000
const beforeFields = 7
const zero = Buffer.alloc(0)

/** A delivery as the driver would give it, of which only the headers are read at once. */
export class Delivered implements AmqpMessage {
  content: Uint8Array = zero
  readonly size: number
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly contentType: string | undefined
  readonly timestamp: number | undefined
  /** The headers. */
  readonly pairs: readonly Pair[]
  readonly #method: Buffer
  readonly #header: Buffer
  readonly #messageId: number

  private constructor(method: Buffer, header: Buffer, size: number, found: Found) {
    const tag = beforeFields + 5 + (method[beforeFields + 4] as number)
    this.deliveryTag = longAt(method, tag)
    this.redelivered = ((method[tag + 8] as number) & 1) === 1
    this.size = size
    this.contentType = found.contentType
    this.timestamp = found.timestamp
    this.pairs = found.pairs
    this.#method = method
    this.#header = header
    this.#messageId = found.messageId
  }

  /** Of the frames of `basic.deliver` and of its header. Undefined: something in it is not read here. */
  static read(method: Buffer, header: Buffer, remembered: Remembered): Delivered | undefined {
    const found = new Found()
    if (!found.read(header, remembered)) return undefined
    remembered.pairs = found.pairs
    if (found.contentType !== undefined) remembered.contentType = found.contentType
    return new Delivered(method, header, longAt(header, beforeFields + 4), found)
  }

  get fields(): this {
    return this
  }

  get properties(): this {
    return this
  }

  get headers(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.pairs)
  }

  get messageId(): string | undefined {
    return this.#messageId < 0 ? undefined : shortText(this.#header, this.#messageId)
  }

  get exchange(): string {
    return shortText(this.#method, this.#exchangeAt)
  }

  get routingKey(): string {
    const at = this.#exchangeAt
    return shortText(this.#method, at + 1 + (this.#method[at] as number))
  }

  get #exchangeAt(): number {
    return beforeFields + 5 + (this.#method[beforeFields + 4] as number) + 9
  }
}

/** What is looked for in the properties of a message. */
class Found {
  contentType: string | undefined = undefined
  timestamp: number | undefined = undefined
  messageId = -1
  pairs: Pair[] = []

  read(header: Buffer, remembered: Remembered): boolean {
    const flags = header.readUInt16BE(beforeFields + 12)
    let at = beforeFields + 14
    // A further word of flags follows, or what nobody sends.
    if (flags & 1) return false
    if (flags & flag.contentType) {
      const size = header[at] as number
      const { contentType } = remembered
      this.contentType = isAt(header, at + 1, size, contentType) ? contentType : shortText(header, at)
      at += 1 + size
    }
    if (flags & encoding) at += 1 + (header[at] as number)
    if (flags & flag.headers) {
      const end = at + 4 + header.readUInt32BE(at)
      if (!this.#table(header, at + 4, end, remembered.pairs)) return false
      at = end
    }
    for (const one of bytesBefore) if (flags & one) at++
    for (const one of textsBefore) if (flags & one) at += 1 + (header[at] as number)
    if (flags & flag.messageId) {
      this.messageId = at
      at += 1 + (header[at] as number)
    }
    if (flags & flag.timestamp) this.timestamp = longAt(header, at)
    return true
  }

  /** One call out of JavaScript for all texts. */
  #table(header: Buffer, from: number, to: number, before: readonly Pair[]): boolean {
    const text = header.toString('latin1', from, to)
    const pairs = this.pairs
    for (let at = from; at < to; ) {
      const known = before[pairs.length]
      const nameSize = header[at] as number
      const nameAt = at + 1
      const type = header[nameAt + nameSize] as number
      at = nameAt + nameSize + 1
      const same = known !== undefined && known[0].length === nameSize && text.startsWith(known[0], nameAt - from) ? known : undefined
      const name = same === undefined ? textAt(header, text, from, nameAt, nameSize) : same[0]
      if (type === 0x53) {
        const size = header.readUInt32BE(at)
        at += 4
        const value = same?.[1]
        const again = typeof value === 'string' && value.length === size && text.startsWith(value, at - from)
        pairs.push(again ? (same as Pair) : [name, textAt(header, text, from, at, size)])
        at += size
      } else {
        const size = numberSize(type)
        if (size === 0) return false
        pairs.push([name, numberAt(header, at, size)])
        at += size
      }
    }
    return true
  }
}

/** Of the whole numbers that Pabal and the broker write; 0: it is something else. */
function numberSize(type: number): number {
  if (type === 0x62) return 1
  if (type === 0x73) return 2
  if (type === 0x49) return 4
  return type === 0x6c ? 8 : 0
}

const numberAt = (bytes: Buffer, at: number, size: number): number =>
  size === 8 ? Number(bytes.readBigInt64BE(at)) : bytes.readIntBE(at, size)

const longAt = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)

const shortText = (bytes: Buffer, at: number): string => bytes.toString('utf8', at + 1, at + 1 + (bytes[at] as number))

/** Whether these bytes are the text, which is plain where it is short. */
function isAt(bytes: Buffer, at: number, size: number, text: string): boolean {
  if (text.length !== size) return false
  for (let i = 0; i < size; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** Out of `text`, which holds the bytes from `from` on one by one, where they are plain. */
function textAt(bytes: Buffer, text: string, from: number, at: number, size: number): string {
  for (let i = at; i < at + size; i++) if ((bytes[i] as number) > 0x7e) return bytes.toString('utf8', at, at + size)
  return text.substring(at - from, at - from + size)
}
