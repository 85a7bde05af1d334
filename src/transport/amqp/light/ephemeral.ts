import type { Channel } from '../../../channel/channel.ts'
import type { Receive, SubscribeOptions, Subscription } from '../../seam.ts'
import { Bounds } from '../../shared/bounds.ts'
import type { AmqpConfirmChannel, AmqpConnection, AmqpMessage } from '../driver.ts'
import type { World } from '../group/world.ts'
import type { LinkUser } from '../link/link.ts'
import { shut } from '../link/shut.ts'
import { Acks } from '../shard/acks.ts'
import { HeldShard, type ParkStore } from '../shard/shard.ts'
import { consume } from '../wire/inflow.ts'
import { messageOf } from '../wire/wire.ts'

/** Parked messages of a subscriber without a group are gone with it. */
const volatile: ParkStore = { add: async () => true, amend: async () => true, remove: async () => undefined }

/** A subscriber without a group: a queue of its own, from now on, that vanishes with its connection. */
export class EphemeralReader implements Subscription, LinkUser {
  readonly #world: World
  readonly #channelOf: Channel
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #done: () => void
  #fence = 0
  #channel: AmqpConfirmChannel | undefined
  #acks: Acks | undefined
  #shard: HeldShard | undefined
  #stopped = false
  #closing: Promise<void> | undefined

  constructor(world: World, channel: Channel, options: SubscribeOptions, receive: Receive, done: () => void) {
    this.#world = world
    this.#channelOf = channel
    this.#options = options
    this.#receive = receive
    this.#done = done
  }

  start(): Promise<void> {
    return this.#world.consuming.join(this)
  }

  async up(connection: AmqpConnection): Promise<void> {
    if (this.#stopped) return
    const { names } = this.#world.topology
    const { runtime, settings } = this.#world
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => undefined)
    // A name for each connection: the broker may hold the old queue for a while.
    const queue = names.own(this.#channelOf, runtime.id())
    await channel.assertQueue(queue, { exclusive: true, durable: false, autoDelete: true })
    await channel.bindQueue(queue, names.exchange(this.#channelOf), '#')
    await channel.prefetch(settings.prefetch)
    const acks = new Acks(channel, queue, runtime)
    const shard: HeldShard = new HeldShard({
      shard: '0',
      fence: ++this.#fence,
      receive: this.#receive,
      options: this.#options,
      bounds: new Bounds(this.#options),
      sender: { send: (batch) => this.#world.emit(batch, { wanted: () => !shard.isLost }) },
      parks: volatile,
      runtime,
      owned: () => true,
      settled: (tag) => acks.settled(tag),
      released: () => undefined,
    })
    this.#channel = channel
    this.#acks = acks
    this.#shard = shard
    channel.on('close', () => this.#lost(channel))
    shard.begin([], new Map())
    await consume(channel, queue, (raw: AmqpMessage | null) => {
      if (this.#channel !== channel) return
      if (raw === null) this.#lost(channel)
      else shard.push(messageOf(raw), raw.fields.deliveryTag as number, false)
    })
  }

  down(): void {
    this.#shard?.lose()
    this.#shard = undefined
    this.#channel = undefined
  }

  #lost(channel: AmqpConfirmChannel): void {
    if (this.#channel !== channel) return
    this.down()
    void shut(channel)
    const { connection } = this.#world.consuming
    if (connection !== undefined && !this.#stopped) void this.#world.consuming.again(this, connection)
  }

  stop(): void {
    this.#stopped = true
    this.#shard?.stop(false)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      await new Promise<void>((resolve) => void this.#world.runtime.timer(0, resolve))
      this.#world.consuming.leave(this)
      const channel = this.#channel
      this.#shard?.giveBack()
      await this.#shard?.drained()
      this.#acks?.flush()
      this.#channel = undefined
      await shut(channel)
      this.#done()
    })()
    return this.#closing
  }
}
