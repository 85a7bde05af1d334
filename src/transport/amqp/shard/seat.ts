import type { Runtime } from '../../../runtime/runtime.ts'
import type { Entry } from '../../shared/entry.ts'
import type { AmqpConfirmChannel, AmqpMessage } from '../driver.ts'
import { inTime, shut } from '../link/shut.ts'
import type { Fence } from '../topology/fences.ts'
import { consume } from '../wire/inflow.ts'
import { messageOf, own, ownHeaderOf } from '../wire/wire.ts'
import { Acks } from './acks.ts'
import type { Parks } from './parks.ts'
import { hasAll, inOrder } from './returned.ts'
import type { HeldShard } from './shard.ts'

/** `owner`: reads the shard; `standby`: is next in line should the owner die; `none`: neither. */
export type Role = 'owner' | 'standby' | 'none'

export interface SeatHost {
  readonly runtime: Runtime
  readonly prefetch: number
  /** A channel for this seat, where there is a connection. */
  channel(): Promise<AmqpConfirmChannel>
  queue(n: number): string
  fence(): Promise<Fence>
  /** Whether another living member waits to own the shard: then it is not for this one. */
  passes(n: number): Promise<boolean>
  make(n: number, fence: number, settled: (tag: number) => void): { shard: HeldShard; parks: Parks }
  /** Makes the queue tell its active consumer that it is. */
  nudge(n: number): void
  /** It waits in line, or the shard was given away: others should know. */
  changed(n: number, what: 'waits' | 'owns' | 'gave'): void
}

/** How long it may take until all that former owners had has come, in milliseconds, before the broker is asked. */
const comesWithin = 1000
/** Longer than two clocks of one machine and the last step of a delay differ: a delay is never waited for much longer here. */
const lastStep = 150

/**
 * A member's place in the line for one shard. The broker lets one consumer of the queue be active and the next one follow when its channel
 * closes; nothing tells a consumer that it is its turn but a delivery. So each first delivery begins an ownership.
 */
export class Seat {
  readonly n: number
  readonly #host: SeatHost
  #role: Role = 'none'
  #channel: AmqpConfirmChannel | undefined
  #acks: Acks | undefined
  #parks: Parks | undefined
  shard: HeldShard | undefined
  /** What came before the shard was ready. */
  #early: AmqpMessage[] = []
  /** Something came, or nothing more will. */
  #came: (() => void) | undefined
  /** How many messages it may be given: more than usual while former owners may have had more. */
  #may: number
  #state: 'idle' | 'waiting' | 'taking' | 'active' = 'idle'
  #running: Promise<void> | undefined
  #activating: Promise<void> | undefined
  #dirty = false
  #leave = false
  #announce = true
  #down = true

  constructor(n: number, host: SeatHost) {
    this.n = n
    this.#host = host
    this.#may = host.prefetch
  }

  get waits(): boolean {
    return this.#state === 'waiting' && this.#role === 'owner'
  }

  get active(): boolean {
    return this.#state === 'active' || this.#state === 'taking'
  }

  get parks(): Parks | undefined {
    return this.#parks
  }

  get role(): Role {
    return this.#role
  }

  up(): void {
    this.#down = false
    void this.#settle()
  }

  /** The connection is gone. */
  down(): void {
    this.#down = true
    const channel = this.#channel
    if (channel !== undefined) this.#lost(channel)
  }

  /** `quietly`: the subscriber stops and need not be told. */
  want(role: Role, quietly = false): void {
    if (quietly) this.#announce = false
    if (role === this.#role && !quietly) return
    this.#role = role
    if (role === 'none' && this.#state === 'active') this.#leave = true
    void this.#settle()
  }

  /** Gives the shard to whoever waits, once nothing of it is out. */
  give(): void {
    if (!this.active) return
    this.#leave = true
    void this.#settle()
  }

  /** Asks again whose turn it is, or whether all that former owners had out has come. */
  wake(): void {
    if (this.waits || this.shard?.unsure === true) this.#host.nudge(this.n)
  }

  /** Resolves when the seat is as it should be. */
  settled(): Promise<void> {
    return Promise.all([this.#running, this.#activating]).then(() => this.#running)
  }

  #settle(): Promise<void> {
    this.#dirty = true
    this.#running ??= (async () => {
      while (this.#dirty) {
        this.#dirty = false
        await this.#step().catch(() => this.#later())
      }
      this.#running = undefined
    })()
    return this.#running
  }

  #later(): void {
    if (!this.#down && this.#role !== 'none') this.#host.runtime.timer(200, () => void this.#settle(), true)
  }

  async #step(): Promise<void> {
    if (this.#state === 'active' && this.#leave) await this.#give()
    if (this.#state === 'waiting' && this.#role === 'none') await this.#close()
    if (this.#state === 'idle' && this.#role !== 'none' && !this.#down) await this.#open()
  }

  async #open(): Promise<void> {
    const { host, n } = { host: this.#host, n: this.n }
    const channel = await host.channel()
    channel.on('error', () => undefined)
    channel.on('close', () => this.#lost(channel))
    this.#channel = channel
    this.#acks = new Acks(channel, host.queue(n), host.runtime)
    this.#early = []
    this.#leave = false
    this.#state = 'waiting'
    try {
      await channel.prefetch(this.#may)
      await inTime(
        host.runtime,
        consume(channel, host.queue(n), (message) => this.#take(channel, message)),
      )
    } catch (error) {
      this.#lost(channel)
      void shut(channel)
      throw error
    }
    if (this.#role !== 'owner') return
    host.nudge(n)
    host.changed(n, 'waits')
  }

  #take(channel: AmqpConfirmChannel, raw: AmqpMessage | null): void {
    if (this.#channel !== channel) return
    if (raw === null) {
      // The broker cancelled it: the queue was deleted.
      this.#lost(channel)
      void shut(channel)
      return
    }
    if (this.#state === 'active') this.#push(raw)
    else this.#early.push(raw)
    this.#came?.()
    if (this.#state !== 'waiting') return
    this.#state = 'taking'
    this.#activating = this.#activate(channel).catch(() => {
      if (this.#channel !== channel) return
      this.#lost(channel)
      void shut(channel)
    })
  }

  #push(raw: AmqpMessage): void {
    const { shard } = this
    const { deliveryTag, redelivered } = raw.fields as { deliveryTag: number; redelivered: boolean }
    if (ownHeaderOf(raw, own.nudge) !== undefined) {
      this.#acks?.settled(deliveryTag)
      if (!redelivered) shard?.reached()
      return
    }
    const due = ownHeaderOf(raw, own.due)
    const now = this.#host.runtime.now()
    shard?.push(messageOf(raw), deliveryTag, redelivered, typeof due === 'number' && due > now ? Math.min(due, now + lastStep) : 0)
  }

  /** It is this consumer's turn. */
  async #activate(channel: AmqpConfirmChannel): Promise<void> {
    const host = this.#host
    const { n } = this
    if (this.#role === 'none' || (this.#role === 'standby' && (await host.passes(n)))) {
      if (this.#channel !== channel) return
      await this.#close()
      // Behind the one that waits.
      this.#host.runtime.timer(20, () => void this.#settle(), true)
      return
    }
    const { fence, most } = await host.fence()
    if (this.#channel !== channel) return
    if (!(await this.#hasAll(channel, most))) {
      if (this.#channel !== channel) return
      this.#may = Math.min(this.#may * 2, most)
      await this.#close()
      void this.#settle()
      return
    }
    if (this.#channel !== channel) return
    this.#may = host.prefetch
    const acks = this.#acks as Acks
    const { shard, parks } = host.make(n, fence, (tag) => acks.settled(tag))
    this.shard = shard
    this.#parks = parks
    const { entries, before } = await parks.load()
    if (this.#channel !== channel) return
    if (this.role === 'none') {
      await this.#close()
      return
    }
    this.#state = 'active'
    shard.begin(entries, before)
    for (const raw of inOrder(this.#early.splice(0))) this.#push(raw)
    host.changed(n, 'owns')
    // Comes back behind everything that former owners had out.
    if (before.size > 0) host.nudge(n)
    if (this.#leave) void this.#settle()
  }

  /** Resolves when all that former owners had is here. False: there may be more of it than this consumer is given. */
  async #hasAll(channel: AmqpConfirmChannel, most: number): Promise<boolean> {
    for (let came = false; this.#channel === channel; ) {
      const has = hasAll(this.#early, this.#may, most)
      if (has !== 'wait') return has === 'all'
      if (!came) this.#host.nudge(this.n)
      came = await this.#comes()
      // Where nobody may publish no nudge comes.
      if (!came && this.#channel === channel && (await this.#isEmpty(channel))) return true
    }
    return false
  }

  /** False: nothing came for a while. */
  #comes(): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (came: boolean): void => {
        this.#came = undefined
        timer.cancel()
        resolve(came)
      }
      const timer = this.#host.runtime.timer(comesWithin, () => end(false), true)
      this.#came = () => end(true)
    })
  }

  async #isEmpty(channel: AmqpConfirmChannel): Promise<boolean> {
    const { messageCount } = await channel.checkQueue(this.#host.queue(this.n))
    // What was on its way when the broker counted comes before its next answer.
    await channel.checkQueue(this.#host.queue(this.n))
    return messageCount === 0
  }

  async #give(): Promise<void> {
    const { shard, n } = this
    this.#leave = false
    shard?.stop(this.#announce)
    await shard?.drained()
    await this.#acks?.written()
    await this.#close()
    this.#host.changed(n, 'gave')
  }

  async #close(): Promise<void> {
    const channel = this.#channel
    const parks = this.#parks
    this.#acks?.flush()
    this.#forget()
    await Promise.all([shut(channel), parks?.close()])
  }

  #forget(): void {
    this.#channel = undefined
    this.#acks = undefined
    this.#parks = undefined
    this.shard = undefined
    this.#early = []
    this.#activating = undefined
    this.#state = 'idle'
    this.#came?.()
  }

  /** The channel is gone without our doing: what is out of it cannot be settled any more. */
  #lost(channel: AmqpConfirmChannel): void {
    if (this.#channel !== channel) return
    const { shard } = this
    const parks = this.#parks
    this.#forget()
    shard?.lose()
    void parks?.close()
    this.#later()
  }

  settle({ handle }: Entry): void {
    this.#acks?.settled(handle as number)
  }

  /** Whatever is out and not being settled is given back. */
  giveBack(): void {
    this.shard?.giveBack()
  }
}
