import type { Channel } from '../../../channel/channel.ts'
import type { Receive, Sender, SubscribeOptions, Subscription } from '../../seam.ts'
import { Bounds } from '../../shared/bounds.ts'
import type { Entry } from '../../shared/entry.ts'
import type { AmqpConfirmChannel } from '../driver.ts'
import type { LinkUser } from '../link/link.ts'
import { Loose } from '../shard/loose.ts'
import { Parks } from '../shard/parks.ts'
import { Seat, type SeatHost } from '../shard/seat.ts'
import { HeldShard } from '../shard/shard.ts'
import type { Fence } from '../topology/fences.ts'
import { unkeyed } from '../topology/names.ts'
import { nudge, own, propertiesOf } from '../wire/wire.ts'
import { Roster } from './roster.ts'
import type { World } from './world.ts'

/** A nudge is said again each second while it is needed. */
const nudgeFor = '2000'

/** A member of a durable group: its seats in the lines of the shards, and the others that it shares them with. */
export class GroupMember implements Subscription, LinkUser, SeatHost {
  readonly #world: World
  readonly channelOf: Channel
  readonly group: string
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #bounds: Bounds
  readonly #roster: Roster
  readonly #loose: Loose
  readonly seats: readonly Seat[]
  readonly prefetch: number
  #stopped = false
  #closing: Promise<void> | undefined
  #done: () => void

  constructor(world: World, channel: Channel, group: string, options: SubscribeOptions, receive: Receive, done: () => void) {
    this.#world = world
    this.channelOf = channel
    this.group = group
    this.#options = options
    this.#receive = receive
    this.#bounds = new Bounds(options)
    this.#done = done
    const { names, shards } = world.topology
    this.prefetch = Math.min(world.settings.prefetch, options.maxMessages)
    this.seats = Array.from({ length: shards }, (_, n) => new Seat(n, this))
    this.#roster = new Roster(world.members, world.runtime, names.group(channel, group), this.seats, (text) => world.warn(text))
    this.#loose = new Loose(this, () => this.#makeLoose())
  }

  get runtime(): World['runtime'] {
    return this.#world.runtime
  }

  async start(): Promise<void> {
    await Promise.all([this.#roster.join(), this.#world.fences.reading(this.prefetch)])
    await this.#world.consuming.join(this)
  }

  async up(): Promise<void> {
    for (const seat of this.seats) seat.up()
    this.#loose.up()
    await this.#roster.up()
  }

  down(): void {
    for (const seat of this.seats) seat.down()
    this.#loose.down()
    this.#roster.down()
  }

  async channel(): Promise<AmqpConfirmChannel> {
    const { connection } = this.#world.consuming
    if (connection === undefined) throw new Error('there is no connection')
    return connection.createConfirmChannel()
  }

  queue(n: number | string): string {
    return this.#world.topology.names.queue(this.channelOf, this.group, n)
  }

  fence(): Promise<Fence> {
    return this.#world.fences.next()
  }

  passes(n: number): Promise<boolean> {
    return this.#roster.waits(n)
  }

  changed(n: number, what: 'waits' | 'owns' | 'gave'): void {
    this.#roster.changed(n, what)
  }

  nudge(n: number): void {
    this.#world.publisher.publish({
      exchange: '',
      routingKey: this.queue(n),
      content: Buffer.alloc(0),
      properties: { ...propertiesOf(nudge, false, { [own.nudge]: 'turn' }), expiration: nudgeFor },
      id: '',
      deadline: this.runtime.monotonic() + 5000,
      again: false,
      done: () => undefined,
    })
  }

  make(n: number, fence: number, settled: (tag: number) => void): { shard: HeldShard; parks: Parks } {
    return this.#make(String(n), fence, settled, true, (after) => this.#offer(n, after))
  }

  async #makeLoose() {
    const { fence } = await this.#world.fences.next()
    return (settled: (tag: number) => void) => this.#make(unkeyed, fence, settled, false, () => undefined)
  }

  #make(name: string, fence: number, settled: (tag: number) => void, single: boolean, released: (after: number) => void) {
    const world = this.#world
    const queue = world.topology.names.park(this.channelOf, this.group, name)
    const links = { link: world.consuming, topology: world.topology, publisher: world.publisher, runtime: world.runtime }
    const parks: Parks = new Parks(queue, single, links, (entry) => shard.arrived(entry))
    const shard: HeldShard = new HeldShard({
      shard: name,
      fence,
      receive: this.#receive,
      options: this.#options,
      bounds: this.#bounds,
      // What a lost shard's handler sent does not go out again after a reconnect.
      sender: { send: (batch) => world.emit(batch, { wanted: () => !shard.isLost }) } satisfies Sender,
      parks,
      runtime: world.runtime,
      owned: () => world.consuming.fresh || world.consuming.verify(),
      settled,
      released,
    })
    return { shard, parks }
  }

  #offer(n: number, after: number): void {
    this.runtime.timer(after, () => this.#roster.offer(n), true)
  }

  /** Who owns how many shards, as far as this member knows. */
  owners(): Record<string, number> {
    return this.#roster.owners()
  }

  /** What its members call it. */
  get called(): string {
    return this.#world.topology.names.group(this.channelOf, this.group)
  }

  /** The shard of this member, where it owns it. */
  held(name: string): { shard: HeldShard; parks: Parks } | undefined {
    if (name === unkeyed) return this.#loose.held
    const { shard, parks } = this.seats[Number(name)] ?? {}
    return shard === undefined || parks === undefined ? undefined : { shard, parks }
  }

  /** An admin took a message of the queue away. */
  settle(name: string, entry: Entry): void {
    if (name === unkeyed) this.#loose.settle(entry)
    else this.seats[Number(name)]?.settle(entry)
  }

  /** Something was parked by somebody else. */
  look(name: string): void {
    this.held(name)
      ?.parks.look()
      .catch(() => undefined)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#roster.leave()
    for (const seat of this.seats) seat.want('none', true)
    this.#loose.stop()
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      // Settlements whose promise is resolved arrive within this turn; what is out after it is given back.
      await new Promise<void>((resolve) => void this.runtime.timer(0, resolve))
      for (const seat of this.seats) seat.giveBack()
      this.#loose.giveBack()
      await Promise.all([...this.seats.map((seat) => seat.settled()), this.#loose.settled()])
      this.#world.consuming.leave(this)
      this.#done()
    })()
    return this.#closing
  }
}
