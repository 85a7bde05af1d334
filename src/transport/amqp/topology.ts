import type { Channel } from '../../channel/channel.ts'
import { defaultShards } from '../../channel/shard.ts'
import { Faults, isPabalError, PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { declare, exists, type Mode, refused, type Wanted } from './declare.ts'
import { brief, replyCode } from './faults.ts'
import { storeFence } from './fences.ts'
import { type Names, unkeyed } from './names.ts'
import type { Ops } from './ops.ts'
import type { Settings } from './options.ts'

/** More redeliveries than there ever are: what fails is counted and parked above the broker. */
const deliveryLimit = 1_000_000

/** What an environment has on the broker: made where it may be, checked where it may not. */
export class Topology {
  readonly names: Names
  readonly ops: Ops
  readonly runtime: Runtime
  readonly #settings: Settings
  readonly #known = new Map<string, Promise<void>>()
  /** Once somebody asked for a check only, nothing is made on the way either. */
  #mode: Mode = 'create'
  #shards = defaultShards

  constructor(names: Names, ops: Ops, settings: Settings, runtime: Runtime) {
    this.runtime = runtime
    this.names = names
    this.ops = ops
    this.#settings = settings
  }

  get shards(): number {
    return this.#shards
  }

  /** The arguments of a durable queue. */
  args(single: boolean): Record<string, unknown> {
    const { queues } = this.#settings
    return {
      'x-queue-type': queues,
      ...(queues === 'quorum' ? { 'x-delivery-limit': deliveryLimit } : {}),
      ...(single ? { 'x-single-active-consumer': true } : {}),
    }
  }

  /** A dead letter of a quorum queue leaves it when the next queue has it. */
  deadLettering(): Record<string, unknown> {
    return this.#settings.queues === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' } : {}
  }

  /** The environment's number of shards is an argument of a queue: who makes it first decides, and all others learn it. */
  async begin(): Promise<void> {
    const { names, ops } = this
    const asked = this.#settings.shards
    const mark = (shards: number): Wanted => ({ exchange: names.system(`shards=${shards}`), type: 'fanout' })
    this.#shards = asked ?? defaultShards
    if (!(await exists(ops, mark(this.#shards)))) {
      const settings = names.system('settings')
      try {
        await ops.run((channel) => channel.assertQueue(settings, { arguments: { 'x-max-length': this.#shards } }))
      } catch (cause) {
        const there = Number(/current is (?:the value )?'?(\d+)/.exec(String(cause))?.[1])
        if (replyCode(cause) !== 406 || !Number.isSafeInteger(there)) throw refused(cause, `the queue ${settings}`)
        if (asked !== undefined && asked !== there)
          throw new PabalError('INVALID_CONFIGURATION', `amqp: the option shards is ${asked}, the environment ${names.prefix} has ${there}`)
        this.#shards = there
      }
      await declare(ops, mark(this.#shards), 'create')
    }
    await this.#ensure({ exchange: names.system('members'), type: 'direct' }, 'create')
  }

  async provision(channels: readonly Channel[], mode: Mode): Promise<void> {
    if (mode === 'check') this.#mode = 'check'
    const faults = new Faults()
    const made = channels
      .filter(({ kind }) => kind !== 'inbox')
      .map((channel) =>
        this.#channel(channel, mode).catch((error: unknown) => {
          // what passes by itself is no fault of the configuration
          if (!isPabalError(error) || error.retryable) throw error
          faults.add(error.code, error.message)
        }),
      )
    await Promise.all(made)
    faults.throwIfAny('INVALID_CONFIGURATION', 'amqp:')
  }

  /** What a send needs is there: looked at once a channel and process. Undefined: known already. */
  ready(channel: Channel): Promise<void> | undefined {
    if (this.#known.get(channel.address) === done) return undefined
    return this.#once(channel.address, async () => {
      if (await exists(this.ops, this.#exchange(channel))) return
      if (this.#mode === 'check')
        throw new PabalError('INVALID_CONFIGURATION', `amqp: there is no channel ${channel.address} on the broker`)
      await this.#make(channel, 'create')
    })
  }

  /** A queue of it was taken away: all are made again. */
  async repair(channel: Channel): Promise<void> {
    this.#known.delete(channel.address)
    this.#known.delete(`${channel.address} `)
    if (this.#mode === 'check') throw new PabalError('INVALID_CONFIGURATION', `amqp: a queue of ${channel.address} is not there`)
    await this.#channel(channel, 'create')
  }

  /** Somebody took it away. */
  forget(exchange: string): void {
    for (const address of this.#known.keys()) if (exchange.startsWith(`${this.names.prefix}:${address}`)) this.#known.delete(address)
  }

  async #channel(channel: Channel, mode: Mode): Promise<void> {
    if (mode === 'check') return this.#make(channel, mode)
    await this.#once(`${channel.address} `, () => this.#make(channel, mode))
    this.#known.set(channel.address, done)
  }

  #exchange(channel: Channel): Wanted {
    return { exchange: this.names.exchange(channel), type: channel.kind === 'point-to-point' ? 'direct' : 'topic' }
  }

  async #make(channel: Channel, mode: Mode): Promise<void> {
    // Who may not make the exchange owns nothing of the channel and only sends to it.
    if (!(await declare(this.ops, this.#exchange(channel), mode)) && mode === 'create') return
    if (channel.kind === 'point-to-point') await this.#queues(channel, '', mode)
    else await declare(this.ops, { exchange: this.names.transientExchange(channel), type: 'fanout' }, mode)
  }

  /** The queues of a group, bound. Resolves when what is published from now on comes to them. */
  async group(channel: Channel, group: string): Promise<void> {
    await (this.#known.get(channel.address) === done ? undefined : this.#once(`${channel.address} `, () => this.#make(channel, this.#mode)))
    this.#known.set(channel.address, done)
    await this.#once(`${channel.address} ${group}`, () => this.#queues(channel, group, this.#mode))
  }

  async #queues(channel: Channel, group: string, mode: Mode): Promise<void> {
    const { names, ops } = this
    const exchange = names.exchange(channel)
    const shards: (string | number)[] = [unkeyed, ...Array.from({ length: this.#shards }, (_, n) => n)]
    await Promise.all([
      this.#fence(channel, group, mode),
      ...shards.map(async (shard) => {
        const queue = names.queue(channel, group, shard)
        await declare(ops, { queue, args: this.args(shard !== unkeyed) }, mode)
        if (mode === 'create') await this.bind(queue, exchange, String(shard))
      }),
    ])
  }

  async bind(queue: string, exchange: string, key: string): Promise<void> {
    try {
      await this.ops.run((channel) => channel.bindQueue(queue, exchange, key))
    } catch (cause) {
      throw refused(cause, `the binding of ${queue} to ${exchange}`)
    }
  }

  /** The counter of the group's owners, which begins with whoever makes its queue. */
  async #fence(channel: Channel, group: string, mode: Mode): Promise<void> {
    const wanted = { queue: this.names.fence(channel, group), args: this.args(false) }
    const there = mode === 'check' || (await exists(this.ops, wanted))
    await declare(this.ops, wanted, mode)
    if (!there) await this.ops.run((open) => storeFence(open, wanted.queue, 1))
  }

  async #ensure(wanted: Wanted, mode: Mode): Promise<void> {
    if (!(await exists(this.ops, wanted))) await declare(this.ops, wanted, mode)
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const working = work().then(
      () => void this.#known.set(key, done),
      (error: unknown) => {
        this.#known.delete(key)
        throw isPabalError(error) ? error : new PabalError('BROKER_UNREACHABLE', `amqp: ${brief(error)}`, { cause: error })
      },
    )
    this.#known.set(key, working)
    return working
  }
}

const done = Promise.resolve()
