import type { AmqpChannel, AmqpConfirmChannel } from '../driver.ts'
import { FrameWriter, optionsOf, type Properties } from './frames.ts'

/** What is used of the driver's insides. */
interface Wire {
  readonly stream: { write(bytes: Buffer): unknown; readonly writable: boolean }
  readonly frameMax: number
  sentSinceLastCheck: boolean
}

/** Of a channel of the driver. */
interface Insides {
  readonly ch: number
  readonly connection: Wire
  pushConfirmCallback(confirmed: (error: unknown) => void): void
}

/**
 * Writes what is written most often past the driver's encoder: onto the socket of the driver's connection, all of a turn at once. Of one
 * channel it must be all messages, since a message that the driver wrote later than it was told to would come after one from here. A
 * driver that looks otherwise inside is used by what it documents.
 */
export class Outflow {
  readonly #wire: Wire
  readonly #frames = new FrameWriter()
  #planned = false

  private constructor(wire: Wire) {
    this.#wire = wire
  }

  static readonly #known = new WeakMap<Wire, Outflow>()

  /** Undefined: this driver does not let one. */
  static of(channel: AmqpChannel | AmqpConfirmChannel): Outflow | undefined {
    const { connection, ch } = channel as unknown as Partial<Insides>
    if (typeof ch !== 'number' || connection === undefined) return undefined
    const known = Outflow.#known.get(connection)
    if (known !== undefined) return known
    const { stream, frameMax, sentSinceLastCheck } = connection
    const usable = typeof stream?.write === 'function' && frameMax >= 4096 && typeof sentSinceLastCheck === 'boolean'
    if (!usable || !('sendMessage' in channel) || !('pushConfirmCallback' in channel)) return undefined
    const made = new Outflow(connection)
    Outflow.#known.set(connection, made)
    return made
  }

  /** Throws where the channel is closed, as the driver does. Without `confirmed` nobody is told. */
  publish(
    channel: AmqpChannel | AmqpConfirmChannel,
    exchange: string,
    routingKey: string,
    content: Uint8Array,
    properties: Properties,
    confirmed?: (error: unknown) => void,
  ): void {
    const insides = mustBeOpen(channel)
    this.#frames.publish(insides.ch, exchange, routingKey, properties, content, this.#wire.frameMax)
    if (confirmed !== undefined) insides.pushConfirmCallback(confirmed)
    this.#plan()
  }

  ack(channel: AmqpChannel | AmqpConfirmChannel, tag: number, multiple: boolean): void {
    this.#frames.ack(mustBeOpen(channel).ch, tag, multiple)
    this.#plan()
  }

  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    process.nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#planned = false
    const { stream } = this.#wire
    const pieces = this.#frames.take()
    if (!stream.writable) return
    this.#wire.sentSinceLastCheck = true
    for (const piece of pieces) stream.write(piece)
  }
}

/** The driver takes away from a closed channel, and from one that is being closed, what sends. */
function mustBeOpen(channel: AmqpChannel | AmqpConfirmChannel): Insides {
  if (Object.hasOwn(channel, 'sendMessage')) throw new Error('the channel is closed')
  const insides = channel as unknown as Insides
  if (Object.hasOwn(insides.connection, 'sendMessage')) throw new Error('the connection is closed')
  return insides
}

/** Publishes on a channel with confirms. */
export function publish(
  channel: AmqpConfirmChannel,
  exchange: string,
  routingKey: string,
  content: Uint8Array,
  properties: Properties,
  confirmed: (error: unknown) => void,
): void {
  const outflow = Outflow.of(channel)
  if (outflow === undefined) channel.publish(exchange, routingKey, content, optionsOf(properties), confirmed)
  else outflow.publish(channel, exchange, routingKey, content, properties, confirmed)
}

/** Publishes on a channel without confirms. */
export function pass(channel: AmqpChannel, exchange: string, routingKey: string, content: Uint8Array, properties: Properties): void {
  const outflow = Outflow.of(channel)
  if (outflow === undefined) channel.publish(exchange, routingKey, content, optionsOf(properties))
  else outflow.publish(channel, exchange, routingKey, content, properties)
}

export function acknowledge(channel: AmqpConfirmChannel, deliveryTag: number, upTo: boolean): void {
  const outflow = Outflow.of(channel)
  if (outflow === undefined) channel.ack({ fields: { deliveryTag }, properties: {}, content: Buffer.alloc(0) }, upTo)
  else outflow.ack(channel, deliveryTag, upTo)
}
