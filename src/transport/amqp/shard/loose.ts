import type { Entry } from '../../shared/entry.ts'
import type { AmqpConfirmChannel, AmqpMessage } from '../driver.ts'
import { inTime, shut } from '../link/shut.ts'
import { unkeyed } from '../topology/names.ts'
import { consume } from '../wire/inflow.ts'
import { messageOf, own, ownHeaderOf } from '../wire/wire.ts'
import { Acks } from './acks.ts'
import type { Parks } from './parks.ts'
import type { SeatHost } from './seat.ts'
import type { HeldShard } from './shard.ts'

type Make = (settled: (tag: number) => void) => { shard: HeldShard; parks: Parks }

/** How many messages without a key may wait here while others have nothing to do. */
const ahead = 100

/** Reads the messages without a key, which all members of a group share without any order. */
export class Loose {
  readonly #host: Omit<SeatHost, 'queue'> & { queue(name: string): string }
  readonly #make: () => Promise<Make>
  #channel: AmqpConfirmChannel | undefined
  #tag: string | undefined
  #acks: Acks | undefined
  held: { shard: HeldShard; parks: Parks } | undefined
  #opening: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #stopped = false
  #down = true
  /** Of the connection that it reads on. */
  #life = 0

  constructor(host: Omit<SeatHost, 'queue'> & { queue(name: string): string }, make: () => Promise<Make>) {
    this.#host = host
    this.#make = make
  }

  up(): void {
    this.#down = false
    const life = ++this.#life
    this.#opening = this.#open(life).catch(() => {
      if (this.#life === life) this.#later()
    })
  }

  down(): void {
    this.#down = true
    this.#life++
    const channel = this.#channel
    if (channel !== undefined) this.#lost(channel)
  }

  #later(): void {
    if (this.#down || this.#stopped) return
    this.#host.runtime.timer(200, () => (this.#down || this.#stopped || this.#channel ? undefined : this.up()), true)
  }

  async #open(life: number): Promise<void> {
    const { runtime, prefetch } = this.#host
    const make = await this.#make()
    const channel = await this.#host.channel()
    channel.on('error', () => undefined)
    // Two that read at once would be one whose messages nobody handles.
    if (this.#life !== life) return shut(channel)
    channel.on('close', () => this.#lost(channel))
    const acks = new Acks(channel, this.#host.queue(unkeyed), runtime)
    this.#channel = channel
    this.#acks = acks
    const held = make((tag) => acks.settled(tag))
    this.held = held
    held.shard.begin([], new Map())
    await channel.prefetch(Math.min(prefetch, ahead))
    try {
      const consuming = consume(channel, this.#host.queue(unkeyed), (message) => this.#take(channel, held.shard, message))
      this.#tag = (await inTime(runtime, consuming)).consumerTag
    } catch (error) {
      this.#lost(channel)
      void shut(channel)
      throw error
    }
    await held.parks.look()
    if (this.#stopped) this.#tag = undefined
  }

  #take(channel: AmqpConfirmChannel, shard: HeldShard, raw: AmqpMessage | null): void {
    if (this.#channel !== channel) return
    if (raw === null) {
      this.#lost(channel)
      void shut(channel)
      return
    }
    if (ownHeaderOf(raw, own.nudge) !== undefined) {
      // Another member asked whether its acknowledgements are through.
      this.#acks?.settled(raw.fields.deliveryTag as number)
      return
    }
    if (this.#stopped) {
      // It came while this member was stopping: for somebody else, at once.
      channel.nack(raw, false, true)
      return
    }
    const due = ownHeaderOf(raw, own.due)
    const now = this.#host.runtime.now()
    const { deliveryTag } = raw.fields as { deliveryTag: number }
    shard.push(messageOf(raw), deliveryTag, false, typeof due === 'number' && due > now ? Math.min(due, now + 150) : 0)
  }

  /** Somebody parked something, or a member that held some of it is gone. */
  look(): void {
    void this.held?.parks.look().catch(() => undefined)
  }

  stop(): void {
    this.#stopped = true
    this.#stopping ??= this.#stop()
  }

  async #stop(): Promise<void> {
    this.held?.shard.stop(false)
    // While there is no connection it opens nothing any more.
    if (!this.#down) await this.#opening
    const channel = this.#channel
    const held = this.held
    held?.shard.stop(false)
    const tag = this.#tag
    if (tag !== undefined) await channel?.cancel(tag).catch(() => undefined)
    await held?.shard.drained()
    await this.#acks?.written()
    this.#channel = undefined
    this.held = undefined
    await Promise.all([shut(channel), held?.parks.close()])
  }

  settle({ handle }: Entry): void {
    this.#acks?.settled(handle as number)
  }

  giveBack(): void {
    this.held?.shard.giveBack()
  }

  settled(): Promise<void> {
    return this.#stopping ?? Promise.resolve()
  }

  #lost(channel: AmqpConfirmChannel): void {
    if (this.#channel !== channel) return
    const { held } = this
    this.#channel = undefined
    this.#acks = undefined
    this.held = undefined
    held?.shard.lose()
    void held?.parks.close()
    this.#later()
  }
}
