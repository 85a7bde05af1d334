import { sizeOf } from '../../../message/limits.ts'
import type { Message } from '../../../message/message.ts'
import type { Delivery, Settlement, SubscribeOptions, Subscription } from '../../seam.ts'
import { Bounds } from '../../shared/bounds.ts'
import type { AmqpConfirmChannel, AmqpConnection, AmqpMessage } from '../driver.ts'
import type { World } from '../group/world.ts'
import type { LinkUser } from '../link/link.ts'
import { shut } from '../link/shut.ts'
import { Acks } from '../shard/acks.ts'
import { consume } from '../wire/inflow.ts'
import { messageOf } from '../wire/wire.ts'

export interface TransientOptions {
  /** Makes what is read on this channel, and names it. */
  prepare(channel: AmqpConfirmChannel): Promise<string>
  receive(delivery: Delivery): Settlement | Promise<Settlement>
  readonly limits: Pick<SubscribeOptions, 'maxMessages' | 'maxBytes'> | undefined
  /** Where what was given back goes. */
  again(message: Message): void
}

/** A message that was given back comes again after at least so many milliseconds. */
const pause = 20
const later: Settlement = { release: { after: 100 } }

/**
 * Reads the transient lane: what is handed out is gone from the broker, which keeps no more for a reader than it may have out. An inbox
 * has no bounds: its owner asked for what comes.
 */
export class TransientReader implements Subscription, LinkUser {
  readonly #world: World
  readonly #o: TransientOptions
  readonly #bounds: Bounds
  readonly #done: () => void
  #queue: { message: Message; size: number; tag: number }[] = []
  #signal = new AbortController()
  #channel: AmqpConfirmChannel | undefined
  #acks: Acks | undefined
  #tag: string | undefined
  #stopped = false
  #closing: Promise<void> | undefined

  constructor(world: World, options: TransientOptions, done: () => void) {
    this.#world = world
    this.#o = options
    this.#bounds = new Bounds(options.limits ?? { maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY })
    this.#done = done
  }

  start(): Promise<void> {
    return this.#world.consuming.join(this)
  }

  async up(connection: AmqpConnection): Promise<void> {
    if (this.#stopped) return
    for (let tries = 1; ; tries++) {
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => undefined)
      try {
        await this.#open(channel)
        return
      } catch (error) {
        await shut(channel)
        // The last reader of the queue left, and took it with it; or the broker still holds what a broken connection had.
        if (tries === 60 || this.#stopped) throw error
        await new Promise<void>((resolve) => void this.#world.runtime.timer(Math.min(tries * 5, 200), resolve))
      }
    }
  }

  async #open(channel: AmqpConfirmChannel): Promise<void> {
    const { limits } = this.#o
    const queue = await this.#o.prepare(channel)
    if (limits !== undefined) await channel.prefetch(Math.min(this.#world.settings.prefetch * 5, limits.maxMessages, 65_535))
    this.#channel = channel
    this.#acks = limits === undefined ? undefined : new Acks(channel, queue, this.#world.runtime)
    this.#signal = new AbortController()
    const take = (raw: AmqpMessage | null): void => {
      if (this.#channel !== channel) return
      if (raw === null) this.#renew(channel)
      else this.#take(raw)
    }
    const { consumerTag } = await consume(channel, queue, take, { noAck: limits === undefined })
    channel.on('close', () => this.#renew(channel))
    this.#tag = consumerTag
    if (this.#stopped) await channel.cancel(consumerTag)
  }

  /** The queue was taken away, or the channel: made anew where the connection is there. */
  #renew(channel: AmqpConfirmChannel): void {
    if (this.#channel !== channel) return
    this.down()
    void shut(channel)
    const { connection } = this.#world.consuming
    if (connection !== undefined && !this.#stopped) void this.#world.consuming.again(this, connection)
  }

  down(): void {
    this.#channel = undefined
    this.#acks = undefined
    this.#tag = undefined
    this.#queue = []
    this.#signal.abort()
  }

  #take(raw: AmqpMessage): void {
    const message = messageOf(raw)
    if (this.#acks === undefined) {
      this.#hand(message, 0)
      return
    }
    this.#queue.push({ message, size: sizeOf(message), tag: raw.fields.deliveryTag as number })
    this.#pump()
  }

  readonly #pump = (): void => {
    let taken = 0
    for (const { message, size, tag } of this.#queue) {
      if (this.#stopped || !this.#bounds.take(size, this.#pump)) break
      taken++
      this.#acks?.settled(tag)
      this.#hand(message, size)
    }
    if (taken > 0) this.#queue.splice(0, taken)
  }

  #hand(message: Message, size: number): void {
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = this.#o.receive({ message, shard: '', lost: 0, fence: 0, signal: this.#signal.signal })
    } catch {
      settlement = later
    }
    if (settlement instanceof Promise) {
      void settlement.then(
        (value) => this.#settled(message, size, value),
        () => this.#settled(message, size, later),
      )
    } else this.#settled(message, size, settlement)
  }

  #settled(message: Message, size: number, settlement: Settlement): void {
    if ('emit' in settlement) {
      if (settlement.emit.length > 0) void this.#world.emit(settlement.emit, { unwaited: true })
    } else {
      const after = 'release' in settlement ? (settlement.release.after ?? 0) : 0
      this.#world.runtime.timer(Math.max(pause, after), () => this.#o.again(message), true)
    }
    if (size > 0) this.#bounds.back(size)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    const channel = this.#channel
    const tag = this.#tag
    this.#acks?.flush()
    if (tag !== undefined) channel?.cancel(tag).catch(() => undefined)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      this.#world.consuming.leave(this)
      const channel = this.#channel
      this.#channel = undefined
      this.#queue = []
      await shut(channel)
      this.#done()
    })()
    return this.#closing
  }
}
