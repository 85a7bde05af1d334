/*
 * What is written most often, as frames of AMQP 0-9-1: a message and an acknowledgement. The driver's own encoder takes longer for a
 * message than all else that happens to it here: a buffer for each part, and the text of each header measured and written twice.
 */

/** Of a message that is published. */
export interface Properties {
  readonly persistent?: boolean | undefined
  readonly mandatory?: boolean | undefined
  /** Names and values in turn. */
  readonly headers?: readonly (string | number)[] | undefined
  readonly contentType?: string | undefined
  readonly correlationId?: string | undefined
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  readonly timestamp?: number | undefined
}

/** The same as the driver's options. */
export function optionsOf({ headers, ...rest }: Properties): object {
  if (headers === undefined) return rest
  const named: Record<string, string | number> = {}
  for (let i = 0; i < headers.length; i += 2) named[headers[i] as string] = headers[i + 1] as string | number
  return { ...rest, headers: named }
}

const frame = { method: 1, header: 2, body: 3, end: 0xce } as const
/** Type, channel and size before what a frame holds, and its end. */
export const overhead = 8
const basic = 60
const publish = 40
const ack = 80
const chunk = 64 * 1024
/** Names of headers whose bytes are kept. */
const keptNames = 512

const flag = {
  contentType: 0x8000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  correlationId: 0x400,
  expiration: 0x100,
  messageId: 0x80,
  timestamp: 0x40,
} as const

/** Frames one behind the other in as few pieces of memory as will do. Nothing that is given is kept. */
export class FrameWriter {
  #bytes = Buffer.allocUnsafeSlow(chunk)
  /** Where what was not taken yet begins, and where it ends. */
  #from = 0
  #at = 0
  #pieces: Buffer[] = []
  readonly #names = new Map<string, Buffer>()

  /** A message in frames of at most `frameMax` bytes. Throws where it cannot be written, and then has written nothing. */
  publish(channel: number, exchange: string, routingKey: string, properties: Properties, content: Uint8Array, frameMax: number): void {
    const size = content.length
    this.#room(mostOf(exchange, routingKey, properties) + size + overhead * (1 + Math.ceil(size / (frameMax - overhead))))
    const before = this.#at
    try {
      const method = this.#open(frame.method, channel)
      this.#method(publish)
      this.#short(0)
      this.#text(exchange)
      this.#text(routingKey)
      this.#byte(properties.mandatory ? 1 : 0)
      this.#close(method)
      const header = this.#open(frame.header, channel)
      this.#short(basic)
      this.#short(0)
      this.#long(size)
      this.#properties(properties)
      this.#close(header)
      if (this.#at - header > frameMax) throw new RangeError('the headers of the message are larger than a frame may be')
    } catch (error) {
      this.#at = before
      throw error
    }
    for (let from = 0; from < size; from += frameMax - overhead) {
      const part = Math.min(size - from, frameMax - overhead)
      const body = this.#open(frame.body, channel)
      this.#bytes.set(part === size ? content : content.subarray(from, from + part), this.#at)
      this.#at += part
      this.#close(body)
    }
  }

  ack(channel: number, tag: number, multiple: boolean): void {
    this.#room(32)
    const method = this.#open(frame.method, channel)
    this.#method(ack)
    this.#long(tag)
    this.#byte(multiple ? 1 : 0)
    this.#close(method)
  }

  /** What was written since the last call. */
  take(): readonly Buffer[] {
    this.#cut()
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  #cut(): void {
    if (this.#at > this.#from) this.#pieces.push(this.#bytes.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  #room(most: number): void {
    if (this.#at + most <= this.#bytes.length) return
    this.#cut()
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(chunk, most))
    this.#from = this.#at = 0
  }

  /** Begins a frame and returns where. */
  #open(type: number, channel: number): number {
    const at = this.#at
    this.#byte(type)
    this.#short(channel)
    this.#at += 4
    return at
  }

  #close(from: number): void {
    const end = this.#at
    this.#at = from + 3
    this.#int(end - from - overhead + 1)
    this.#at = end
    this.#byte(frame.end)
  }

  #method(method: number): void {
    this.#short(basic)
    this.#short(method)
  }

  /** In the order that the protocol says. */
  #properties({ contentType, headers, persistent, correlationId, expiration, messageId, timestamp }: Properties): void {
    const flags = this.#at
    let set = 0
    this.#at += 2
    if (contentType !== undefined) {
      set |= flag.contentType
      this.#text(contentType)
    }
    if (headers !== undefined) {
      set |= flag.headers
      this.#table(headers)
    }
    if (persistent !== undefined) {
      set |= flag.deliveryMode
      this.#byte(persistent ? 2 : 1)
    }
    if (correlationId !== undefined) {
      set |= flag.correlationId
      this.#text(correlationId)
    }
    if (expiration !== undefined) {
      set |= flag.expiration
      this.#text(expiration)
    }
    if (messageId !== undefined) {
      set |= flag.messageId
      this.#text(messageId)
    }
    if (timestamp !== undefined) {
      set |= flag.timestamp
      this.#long(timestamp)
    }
    const end = this.#at
    this.#at = flags
    this.#short(set)
    this.#at = end
  }

  #table(headers: readonly (string | number)[]): void {
    const size = this.#at
    this.#at += 4
    for (let i = 0; i < headers.length; i += 2) {
      this.#name(headers[i] as string)
      const value = headers[i + 1] as string | number
      if (typeof value === 'string') this.#longText(value)
      else this.#number(value)
    }
    const end = this.#at
    this.#at = size
    this.#int(end - size - 4)
    this.#at = end
  }

  #name(name: string): void {
    let known = this.#names.get(name)
    if (known === undefined) {
      known = Buffer.from(` ${name}`)
      if (known.length > 256) throw new TypeError(`the name of the header ${name} takes more than 255 bytes`)
      known[0] = known.length - 1
      if (this.#names.size < keptNames) this.#names.set(name, known)
    }
    this.#bytes.set(known, this.#at)
    this.#at += known.length
  }

  #longText(value: string): void {
    this.#byte(0x53)
    const size = this.#bytes.write(value, this.#at + 4, 'utf8')
    this.#int(size)
    this.#at += size
  }

  /** Whole numbers in the smallest type that holds them, as the driver does: a binding with a number asks for the type, too. */
  #number(value: number): void {
    const bytes = this.#bytes
    if (!Number.isSafeInteger(value)) {
      this.#byte(0x64)
      this.#at = bytes.writeDoubleBE(value, this.#at)
    } else if (value >= -0x80 && value < 0x80) {
      this.#byte(0x62)
      this.#at = bytes.writeInt8(value, this.#at)
    } else if (value >= -0x8000 && value < 0x8000) {
      this.#byte(0x73)
      this.#at = bytes.writeInt16BE(value, this.#at)
    } else if (value >= -0x8000_0000 && value < 0x8000_0000) {
      this.#byte(0x49)
      this.#at = bytes.writeInt32BE(value, this.#at)
    } else {
      this.#byte(0x6c)
      this.#at = bytes.writeBigInt64BE(BigInt(value), this.#at)
    }
  }

  /** At most 255 bytes, after their number. */
  #text(value: string): void {
    const size = value === '' ? 0 : this.#bytes.write(value, this.#at + 1, 'utf8')
    if (size > 255) throw new TypeError(`${value.slice(0, 40)}… takes more than 255 bytes`)
    this.#byte(size)
    this.#at += size
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  #short(value: number): void {
    const bytes = this.#bytes
    bytes[this.#at++] = value >>> 8
    bytes[this.#at++] = value
  }

  #int(value: number): void {
    this.#short(value >>> 16)
    this.#short(value & 0xffff)
  }

  /** Eight bytes; no number is above 2⁵³. */
  #long(value: number): void {
    this.#int(Math.floor(value / 0x1_0000_0000))
    this.#int(value >>> 0)
  }
}

/** The most bytes that method and properties take: three for each unit of a text. */
function mostOf(exchange: string, routingKey: string, properties: Properties): number {
  const { headers, contentType, correlationId, expiration, messageId } = properties
  let units = exchange.length + routingKey.length
  if (contentType !== undefined) units += contentType.length
  if (correlationId !== undefined) units += correlationId.length
  if (expiration !== undefined) units += expiration.length
  if (messageId !== undefined) units += messageId.length
  if (headers === undefined) return 128 + 3 * units
  for (const part of headers) units += typeof part === 'string' ? part.length : 3
  return 128 + 3 * units + 6 * headers.length
}
