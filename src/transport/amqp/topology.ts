import type { Channel } from '../../channel/channel.ts'
import { Faults, isPabalError, PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { declare, exists, type Mode, refused, type Wanted } from './declare.ts'
import { argumentsOf, beginEnvironment, findEnvironment } from './environment.ts'
import { brief, replyCode } from './faults.ts'
import { type Names, unkeyed } from './names.ts'
import type { Ops } from './ops.ts'
import { type Settings, usualShards } from './options.ts'
import { Registry } from './registry.ts'

/** What this process knows to be there of a channel. */
interface Known {
  /** Every queue of a point-to-point channel. */
  all: boolean
  readonly shards: Set<string>
}

/**
 * The exchanges and queues of channels. A queue costs the broker file handles, so those of a point-to-point channel are made by its
 * reader, or one by one by the first message that needs them: most dead-letter channels never have one.
 */
export class Topology {
  readonly names: Names
  readonly ops: Ops
  readonly runtime: Runtime
  readonly registry: Registry
  readonly #settings: Settings
  readonly #known = new Map<string, Known>()
  readonly #working = new Map<string, Promise<void>>()
  /** Once somebody asked for a check only, nothing is made on the way either. */
  #mode: Mode = 'create'
  /** There is no environment of this prefix yet, and nothing is made. */
  #absent = false
  #shards = usualShards

  constructor(names: Names, ops: Ops, settings: Settings, runtime: Runtime) {
    this.names = names
    this.ops = ops
    this.#settings = settings
    this.runtime = runtime
    this.registry = new Registry(ops, names.system('registry'), this.args(false))
  }

  get shards(): number {
    return this.#shards
  }

  async begin(mode: Mode): Promise<void> {
    this.#mode = mode
    if (mode === 'check') {
      this.#absent = true
      return this.#seek()
    }
    this.#shards = await beginEnvironment(this.names, this.ops, this.#settings)
    await this.registry.begin()
  }

  /** Somebody else may have made it meanwhile. */
  async #seek(): Promise<void> {
    if (!this.#absent) return
    const found = await findEnvironment(this.names, this.ops, this.#settings)
    if (found === undefined) return
    this.#shards = found
    this.#absent = false
  }

  args(single: boolean): Record<string, unknown> {
    return argumentsOf(this.#settings, single)
  }

  async provision(channels: readonly Channel[], mode: Mode): Promise<void> {
    if (mode === 'check') this.#mode = 'check'
    if (mode === 'create' && this.#absent) await this.begin('create')
    await this.#seek()
    const faults = new Faults()
    const where = `the environment ${this.names.prefix}: the queue ${this.names.system('settings')} is not there`
    if (this.#absent) faults.add('INVALID_CONFIGURATION', where)
    const made = channels
      .filter(({ kind }) => kind !== 'inbox')
      .map((channel) =>
        (mode === 'check' ? this.#check(channel) : this.#make(channel)).catch((error: unknown) => {
          // what passes by itself is no fault of the configuration
          if (!isPabalError(error) || error.retryable) throw error
          faults.add(error.code, error.message)
        }),
      )
    await Promise.all(made)
    faults.throwIfAny('INVALID_CONFIGURATION', 'amqp:')
  }

  /** What a send to a shard needs, looked at once in this process. Undefined: it is there. */
  ready(channel: Channel, shard: string): Promise<void> | undefined {
    const known = this.#known.get(channel.address)
    if (known !== undefined && (known.all || channel.kind !== 'point-to-point' || known.shards.has(shard))) return undefined
    return this.#once(`${channel.address} ${shard}`, async () => {
      const found = known ?? (await this.#look(channel))
      if (found.all || channel.kind !== 'point-to-point') return
      await this.#queue(channel, '', shard, this.#mode)
      found.shards.add(shard)
    })
  }

  /** A queue was taken away. */
  async repair(channel: Channel, shard: string): Promise<void> {
    this.#known.delete(channel.address)
    await this.#queue(channel, '', shard, this.#mode)
  }

  /** Somebody took it away. */
  forget(exchange: string): void {
    for (const address of this.#known.keys()) if (exchange === `${this.names.prefix}:${address}`) this.#known.delete(address)
  }

  /** The queues of a group, bound. Resolves when what is published from now on comes to them. */
  async group(channel: Channel, group: string): Promise<void> {
    await this.#seek()
    if (this.#mode === 'create') await this.#make(channel)
    else if (!(await exists(this.ops, this.#exchange(channel)))) throw missing(channel)
    await this.#once(`${channel.address}/${group}`, async () => {
      const last = { queue: this.names.queue(channel, group, unkeyed), args: {} }
      const there = group === '' || this.#mode === 'check' || (await exists(this.ops, last))
      await this.#queues(channel, group, this.#mode)
      if (!there) await this.registry.add({ channel, group })
    })
    if (channel.kind !== 'point-to-point') return
    this.#knows(channel).all = true
  }

  async #look(channel: Channel): Promise<Known> {
    await this.#seek()
    if (!(await exists(this.ops, this.#exchange(channel)))) {
      if (this.#mode === 'check') throw missing(channel)
      await this.#make(channel)
    }
    const known = this.#knows(channel)
    if (channel.kind === 'point-to-point' && (await exists(this.ops, this.#whole(channel)))) known.all = true
    return known
  }

  #knows(channel: Channel): Known {
    let known = this.#known.get(channel.address)
    if (known === undefined) this.#known.set(channel.address, (known = { all: false, shards: new Set() }))
    return known
  }

  #exchange(channel: Channel): Wanted {
    return { exchange: this.names.exchange(channel), type: channel.kind === 'point-to-point' ? 'direct' : 'topic' }
  }

  /** Says that all queues of a point-to-point channel are there. */
  #whole(channel: Channel): Wanted {
    return { exchange: this.names.whole(channel), type: 'fanout' }
  }

  #transient(channel: Channel): Wanted {
    return { exchange: this.names.transientExchange(channel), type: 'fanout' }
  }

  #make(channel: Channel): Promise<void> {
    if (this.#known.has(channel.address)) return Promise.resolve()
    return this.#once(`${channel.address} `, async () => {
      const there = await exists(this.ops, this.#exchange(channel))
      // Who may not make the exchange owns nothing of the channel and only sends to it.
      if (!(await declare(this.ops, this.#exchange(channel), 'create'))) return
      if (channel.kind !== 'point-to-point') await declare(this.ops, this.#transient(channel), 'create')
      else if (this.#settings.ahead) await this.#queues(channel, '', 'create')
      if (!there) await this.registry.add({ channel })
      this.#knows(channel)
    })
  }

  async #check(channel: Channel): Promise<void> {
    await declare(this.ops, this.#exchange(channel), 'check')
    if (channel.kind !== 'point-to-point') await declare(this.ops, this.#transient(channel), 'check')
    else if (await exists(this.ops, this.#whole(channel))) await this.#queues(channel, '', 'check')
  }

  async #queues(channel: Channel, group: string, mode: Mode): Promise<void> {
    const shards = [unkeyed, ...Array.from({ length: this.#shards }, (_, n) => String(n))]
    await Promise.all(shards.map((shard) => this.#queue(channel, group, shard, mode)))
    if (channel.kind === 'point-to-point') await declare(this.ops, this.#whole(channel), mode)
  }

  async #queue(channel: Channel, group: string, shard: string, mode: Mode): Promise<void> {
    const queue = this.names.queue(channel, group, shard)
    const mine = await declare(this.ops, { queue, args: this.args(shard !== unkeyed) }, mode)
    if (!mine || mode === 'check') return
    const exchange = this.names.exchange(channel)
    try {
      await this.ops.run((open) => open.bindQueue(queue, exchange, shard))
    } catch (cause) {
      // Who may not bind does not own the channel, whose reader has bound it.
      if (replyCode(cause) !== 403) throw refused(cause, `the binding of ${queue} to ${exchange}`)
    }
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    let working = this.#working.get(key)
    if (working === undefined) {
      working = work()
        .catch((error: unknown) => {
          throw isPabalError(error) ? error : new PabalError('BROKER_UNREACHABLE', `amqp: ${brief(error)}`, { cause: error })
        })
        .finally(() => this.#working.delete(key))
      this.#working.set(key, working)
    }
    return working
  }
}

const missing = ({ address }: Channel): PabalError =>
  new PabalError('INVALID_CONFIGURATION', `amqp: there is no channel ${address} on the broker: provision with 'create', or make it first`)
