import type { AmqpChannel, AmqpConfirmChannel, AmqpConnection, AmqpMessage } from '../driver.ts'
import { Delivered, type Frame, Remembered } from './delivered.ts'

/** What is used of the driver's insides: it asks for one frame after the other, until there is none. */
interface Wire {
  readonly stream: { read(): Buffer | null }
  /** What was read and is not a whole frame yet. */
  rest: Buffer
  recvFrame(): unknown
  accept(frame: unknown): void
  recvSinceLastCheck: boolean
  readonly maxFrameSize: number
}

/** Of a channel of the driver. */
interface Insides {
  readonly ch: number
  readonly connection: object
}

type Take = (message: AmqpMessage | null) => void

const methodFrame = 1
const headerFrame = 2
const bodyFrame = 3
const frameEnd = 0xce
/** Class 60 and method 60. */
const deliver = 0x003c003c
const overhead = 8
const nothing = Buffer.alloc(0)

class MethodFrame implements Frame {
  readonly bytes: Buffer
  readonly at: number
  readonly end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }
}

/** A channel whose deliveries are read here, and the one that is coming. */
class Consumer {
  readonly take: Take
  readonly remembered = new Remembered()
  readonly #channel: object
  method: MethodFrame | undefined
  coming: Delivered | undefined
  missing = 0
  readonly parts: Buffer[] = []

  constructor(channel: object, take: Take) {
    this.#channel = channel
    this.take = take
  }

  /** The driver takes no more frames of a channel that is closed or being closed. */
  get over(): boolean {
    return Object.hasOwn(this.#channel, 'accept')
  }
}

/**
 * Reads deliveries past the driver's decoder, which makes objects and texts of everything in them. All other frames, and deliveries with
 * unusual headers, are the driver's: it is handed one whole frame at a time. A driver that looks otherwise inside is used by what it documents.
 */
export class Inflow {
  readonly #wire: Wire
  readonly #driver: () => unknown
  readonly #accept: unknown
  /** By the number of the channel. */
  readonly #consumers: (Consumer | undefined)[] = []
  #bytes: Buffer = nothing
  #at = 0
  /** What follows `#bytes`, where those are one frame that came in pieces. */
  #then: Buffer = nothing
  /** Frames that turned out to be the driver's. */
  #again: Buffer[] = []

  private constructor(wire: Wire) {
    this.#wire = wire
    this.#driver = wire.recvFrame
    this.#accept = wire.accept
    this.#bytes = wire.rest
    wire.rest = nothing
    wire.recvFrame = () => this.#next()
  }

  static readonly #known = new WeakMap<object, Inflow>()

  /** From now on what comes over the connection is read here first, where the driver lets one. */
  static over(connection: AmqpConnection): void {
    const wire = connection.connection as Partial<Wire> | undefined
    if (typeof wire?.recvFrame !== 'function' || typeof wire.accept !== 'function' || typeof wire.stream?.read !== 'function') return
    if (!Buffer.isBuffer(wire.rest) || typeof wire.recvSinceLastCheck !== 'boolean' || typeof wire.maxFrameSize !== 'number') return
    Inflow.#known.set(wire, new Inflow(wire as Wire))
  }

  /** The consumer of a channel that has no other one. */
  static consumes(channel: AmqpChannel | AmqpConfirmChannel, take: Take): boolean {
    const { ch, connection } = channel as unknown as Partial<Insides>
    if (typeof ch !== 'number' || connection === undefined || !('accept' in channel)) return false
    const inflow = Inflow.#known.get(connection)
    if (inflow === undefined) return false
    inflow.#consumers[ch] = new Consumer(channel, take)
    return true
  }

  /** The next frame that is the driver's; false: there is none yet. */
  #next(): unknown {
    const wire = this.#wire
    // It is being closed.
    const over = wire.accept !== this.#accept
    for (;;) {
      if (this.#again.length > 0) return this.#drivers(this.#again.shift() as Buffer)
      const bytes = this.#bytes
      const from = this.#at
      const size = bytes.length - from < overhead ? -1 : bytes.readUInt32BE(from + 3)
      const end = from + overhead + size
      // The driver refuses what is too large, and says so.
      const wrong = size > wire.maxFrameSize && wire.maxFrameSize > 0
      if (!wrong && (size < 0 || bytes.length < end)) {
        if (!this.#more(from, end)) return false
        continue
      }
      this.#at = Math.min(end, bytes.length)
      const consumer = over || wrong ? undefined : this.#consumer(bytes.readUInt16BE(from + 1), bytes[from] === methodFrame)
      if (consumer === undefined || bytes[end - 1] !== frameEnd || !this.#take(consumer, from, end))
        return this.#drivers(bytes.subarray(from, this.#at))
    }
  }

  /** Goes on with what came since; only a frame that came in pieces, which ends at `end`, is copied. False: nothing came. */
  #more(from: number, end: number): boolean {
    const rest = this.#bytes.subarray(from)
    const more = this.#then.length > 0 ? this.#then : this.#wire.stream.read()
    if (more === null) return false
    this.#wire.recvSinceLastCheck = true
    const lacks = rest.length < overhead ? 0 : end - from - rest.length
    this.#at = 0
    this.#then = nothing
    if (rest.length === 0) this.#bytes = more
    else if (lacks <= 0 || lacks >= more.length) this.#bytes = Buffer.concat([rest, more])
    else {
      this.#bytes = Buffer.concat([rest, more.subarray(0, lacks)])
      this.#then = more.subarray(lacks)
    }
    return true
  }

  /** `begins`: what comes may be the first of another channel with its number. */
  #consumer(channel: number, begins: boolean): Consumer | undefined {
    const consumer = this.#consumers[channel]
    if (!begins || !consumer?.over) return consumer
    this.#consumers[channel] = undefined
    return undefined
  }

  #drivers(frame: Buffer): unknown {
    this.#wire.rest = frame
    return this.#driver.call(this.#wire)
  }

  /** False: it is the driver's. */
  #take(consumer: Consumer, from: number, end: number): boolean {
    const bytes = this.#bytes
    const type = bytes[from]
    const { method, coming } = consumer
    if (type === methodFrame) {
      if (bytes.readUInt32BE(from + 7) !== deliver) return false
      consumer.method = new MethodFrame(bytes, from, end)
      return true
    }
    if (type === headerFrame && method !== undefined) {
      consumer.method = undefined
      const delivered = Delivered.read(method, bytes, from, consumer.remembered)
      if (delivered === undefined) {
        this.#again.push(method.bytes.subarray(method.at, method.end), bytes.subarray(from, end))
        return true
      }
      consumer.missing = delivered.size
      if (delivered.size === 0) consumer.take(delivered)
      else consumer.coming = delivered
      return true
    }
    if (type !== bodyFrame || coming === undefined) return false
    const body = bytes.subarray(from + 7, end - 1)
    consumer.missing -= body.length
    if (consumer.missing > 0) {
      consumer.parts.push(body)
      return true
    }
    if (consumer.parts.length === 0) coming.content = body
    else coming.content = Buffer.concat([...consumer.parts.splice(0), body])
    consumer.coming = undefined
    consumer.take(coming)
    return true
  }
}

/** Reads a queue on a channel that reads nothing else. */
export function consume(
  channel: AmqpChannel | AmqpConfirmChannel,
  queue: string,
  take: Take,
  options?: object,
): Promise<{ readonly consumerTag: string }> {
  // The driver tells when the consumer is cancelled, and of what it reads itself.
  Inflow.consumes(channel, take)
  return channel.consume(queue, take, options)
}
