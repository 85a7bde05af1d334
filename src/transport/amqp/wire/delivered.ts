import type { AmqpMessage } from '../driver.ts'

export type Pair = readonly [name: string, value: unknown]

const zero = Buffer.alloc(0)
const noPairs: readonly Pair[] = []

/** What the last delivery of a consumer held: most names and many values are the same in the next, and are not made again. */
export class Remembered {
  contentType = ''
  pairs: readonly Pair[] = noPairs
  /** The frame that the pairs were read from, and where in it each of them begins. */
  header: Buffer = zero
  readonly starts: number[] = []
}

const flag = { contentType: 0x8000, headers: 0x2000, messageId: 0x80, timestamp: 0x40 } as const
/** What stands in the order of the protocol between the headers and the message id: a byte, or a text. */
const bytesBefore = [0x1000, 0x800]
const textsBefore = [0x400, 0x200, 0x100]
const encoding = 0x4000
const beforeFields = 7
/** The first letter of `pabal:`. */
const ownBegins = 0x70

/** A frame within what came from the broker: a view of its own for each would cost more than reading it. */
export interface Frame {
  readonly bytes: Buffer
  readonly at: number
}

/** A delivery as the driver would give it, of which only the headers are read at once. */
export class Delivered implements AmqpMessage {
  content: Uint8Array = zero
  /** Of the content, in bytes. */
  readonly size: number
  readonly deliveryTag: number
  readonly redelivered: boolean
  contentType: string | undefined = undefined
  timestamp: number | undefined = undefined
  /** The headers. */
  pairs: readonly Pair[] = noPairs
  /** Whether one of them may be the adapter's own: almost no message has one. */
  marked = false
  readonly #method: Frame
  readonly #header: Buffer
  #messageId = -1

  private constructor(method: Frame, header: Buffer, from: number) {
    const { bytes, at } = method
    const tag = at + beforeFields + 5 + (bytes[at + beforeFields + 4] as number)
    this.deliveryTag = longAt(bytes, tag)
    this.redelivered = ((bytes[tag + 8] as number) & 1) === 1
    this.size = longAt(header, from + beforeFields + 4)
    this.#method = method
    this.#header = header
  }

  /** Of the frame of `basic.deliver`, and of its header, which begins at `at`. Undefined: something in it is not read here. */
  static read(method: Frame, header: Buffer, at: number, remembered: Remembered): Delivered | undefined {
    const delivered = new Delivered(method, header, at)
    const read = delivered.#read(at, remembered)
    remembered.pairs = read ? delivered.pairs : noPairs
    remembered.header = header
    if (!read) return undefined
    if (delivered.contentType !== undefined) remembered.contentType = delivered.contentType
    return delivered
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
    return shortText(this.#method.bytes, this.#exchangeAt)
  }

  get routingKey(): string {
    const at = this.#exchangeAt
    const { bytes } = this.#method
    return shortText(bytes, at + 1 + (bytes[at] as number))
  }

  get #exchangeAt(): number {
    const { bytes, at } = this.#method
    return at + beforeFields + 5 + (bytes[at + beforeFields + 4] as number) + 9
  }

  /** What is looked for in the properties. False: something in them is not read here. */
  #read(from: number, remembered: Remembered): boolean {
    const header = this.#header
    const flags = header.readUInt16BE(from + beforeFields + 12)
    let at = from + beforeFields + 14
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
      if (!this.#table(at + 4, end, remembered)) return false
      at = end
    }
    for (const one of bytesBefore) if (flags & one) at++
    for (const one of textsBefore) if (flags & one) at += 1 + (header[at] as number)
    if (flags & flag.messageId) {
      this.#messageId = at
      at += 1 + (header[at] as number)
    }
    if (flags & flag.timestamp) this.timestamp = longAt(header, at)
    return true
  }

  /**
   * Like the last delivery's, but for what differs. Arrays are copied, not written as literals: V8 makes a literal's objects among the old ones
   * for ever once enough of them had to wait (as in a takeover), and all that they hold then survives with them.
   */
  #table(from: number, to: number, remembered: Remembered): boolean {
    const { pairs: before, header: last, starts } = remembered
    const header = this.#header
    const pairs = before.slice()
    let n = 0
    for (let at = from; at < to; n++) {
      const known = before[n]
      const was = starts[n] as number
      starts[n] = at
      const nameSize = header[at] as number
      if (header[at + 1] === ownBegins) this.marked = true
      const valueAt = at + nameSize + 2
      const same = known !== undefined && isSame(header, at, last, was, nameSize + 2) ? known : undefined
      const type = header[valueAt - 1] as number
      let value: unknown
      if (type === 0x53) {
        const size = header.readUInt32BE(valueAt)
        at = valueAt + 4 + size
        if (same !== undefined && isSame(header, valueAt, last, was + nameSize + 2, size + 4)) continue
        value = textAt(header, valueAt + 4, size)
      } else {
        const size = numberSize(type)
        if (size === 0) return false
        value = numberAt(header, valueAt, size)
        at = valueAt + size
      }
      const pair = (same ?? noPair).slice() as [string, unknown]
      if (same === undefined) pair[0] = textAt(header, valueAt - 1 - nameSize, nameSize)
      pair[1] = value
      pairs[n] = pair
    }
    pairs.length = n
    this.pairs = pairs
    return true
  }
}

const noPair: Pair = ['', undefined]

/** Of the whole numbers that Pabal and the broker write; 0: it is something else. */
function numberSize(type: number): number {
  if (type === 0x62) return 1
  if (type === 0x73) return 2
  if (type === 0x49) return 4
  return type === 0x6c ? 8 : 0
}

const numberAt = (bytes: Buffer, at: number, size: number): number =>
  size === 8 ? Number(bytes.readBigInt64BE(at)) : bytes.readIntBE(at, size)

/** Almost always a small number: computed with the upper half it would be kept as a fraction, in an object of its own. */
function longAt(bytes: Buffer, at: number): number {
  const upper = bytes.readUInt32BE(at)
  const lower = bytes.readUInt32BE(at + 4)
  return upper === 0 ? lower : upper * 0x1_0000_0000 + lower
}

const shortText = (bytes: Buffer, at: number): string => bytes.toString('utf8', at + 1, at + 1 + (bytes[at] as number))

/** Whether these bytes are the text, which is plain where it is short. */
function isAt(bytes: Buffer, at: number, size: number, text: string): boolean {
  if (text.length !== size) return false
  for (let i = 0; i < size; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** Whether so many bytes are the same in both. */
function isSame(bytes: Buffer, at: number, others: Buffer, from: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[at + i] !== others[from + i]) return false
  return true
}

const textAt = (bytes: Buffer, at: number, size: number): string => bytes.toString(undefined, at, at + size)
