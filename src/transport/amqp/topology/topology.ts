import type { Channel } from '../../../channel/channel.ts'
import { Faults, isPabalError, PabalError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { brief, replyCode } from '../faults.ts'
import type { Ops } from '../link/ops.ts'
import { type Settings, usualShards } from '../options.ts'
import { declare, exists, type Mode, type Queue, refused, settle, settledMark, shown, type Wanted, waitFor } from './declare.ts'
import { argumentsOf, beginEnvironment, findEnvironment, lacking } from './environment.ts'
import { type Names, unkeyed } from './names.ts'
import { Registry } from './registry.ts'

/** What this process knows to be there of a channel. */
interface Known {
  /** Every queue of a point-to-point channel. */
  all: boolean
  readonly shards: Set<string>
}

/** How long who may make nothing waits for a queue that another is making, in milliseconds. */
const boundWithin = 3000
const lookEvery = 100

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
  /** Point-to-point channels whose queues this process made and that may not be sent to yet. */
  readonly #wholes = new Map<string, Promise<void>>()
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
    this.registry = new Registry(ops, names.system('registry'))
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
    this.#absent = false
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
    else if (mode === 'check')
      for (const part of await lacking(this.names, this.ops, this.#settings))
        faults.add('INVALID_CONFIGURATION', `the environment ${this.names.prefix}: ${shown(part)} is not there`)
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
      // A reader of this process may be making all of them.
      await this.#wholes.get(channel.address)
      if (found.all) return
      await this.#one(channel, shard)
      found.shards.add(shard)
    })
  }

  /** The queue of a shard, by somebody who sends. Another process may have made it just now: that it is there is not enough. */
  async #one(channel: Channel, shard: string): Promise<void> {
    const mark = settledMark(this.names.queue(channel, '', shard))
    const finished = (): Promise<boolean> => this.#finished(channel)
    if (this.#mode === 'create' && ((await finished()) || (await exists(this.ops, mark)))) return
    if (await this.#ensure(channel, shard, finished)) await declare(this.ops, mark, 'create')
  }

  /** Whether a reader has made all queues of the channel, and they may be sent to. Who asks at the same time looks once. */
  async #finished(channel: Channel): Promise<boolean> {
    const known = this.#knows(channel)
    await this.#once(`${channel.address} finished`, async () => {
      known.all ||= await exists(this.ops, this.#whole(channel, ''))
    })
    return known.all
  }

  /** A queue was taken away. */
  async repair(channel: Channel, shard: string): Promise<void> {
    this.#known.delete(channel.address)
    await this.#ensure(channel, shard)
  }

  /** Resolves when it may be sent to, at once where it is `finished` by another. False: it is somebody else's, who binds it. */
  async #ensure(channel: Channel, shard: string, finished?: () => Promise<boolean>): Promise<boolean> {
    const mine = await this.#queue(channel, '', shard, this.#mode)
    if (this.#mode === 'check') {
      await this.#bound(channel, shard)
      return false
    }
    if (!mine) {
      await waitFor(this.ops, finished)
      return false
    }
    if (await settle(this.ops, [this.#wanted(channel, '', shard)], 'nudge', { finished })) return false
    await this.#bind(channel, '', shard)
    return true
  }

  /** Who may make nothing waits a moment for whoever made the queue just now, who binds it when it may be sent to. */
  async #bound(channel: Channel, shard: string): Promise<void> {
    const marks: Wanted[] = [this.#whole(channel, ''), settledMark(this.names.queue(channel, '', shard))]
    for (let waited = 0; waited < boundWithin; waited += lookEvery) {
      for (const mark of marks) if (await exists(this.ops, mark)) return
      await this.ops.pause(lookEvery)
    }
  }

  /** Somebody took it away. */
  forget(exchange: string): void {
    for (const address of this.#known.keys()) if (exchange === `${this.names.prefix}:${address}`) this.#known.delete(address)
  }

  /**
   * The queues of a group, which may be read when it resolves. What is published from then on comes to them: to a point-to-point channel
   * whoever sends waits until its queue may be sent to; for a group of a publish-subscribe channel it is waited here.
   */
  async group(channel: Channel, group: string): Promise<void> {
    await this.#seek()
    if (this.#mode === 'create') await this.#make(channel)
    else if (!(await exists(this.ops, this.#exchange(channel)))) throw missing(channel)
    if (channel.kind !== 'point-to-point')
      return this.#once(`${channel.address}/${group}`, async () => (await this.#queues(channel, group))())
    await this.#once(`${channel.address}/`, async () => {
      const finish = await this.#queues(channel, '')
      if (this.#wholes.has(channel.address)) return
      const known = this.#knows(channel)
      const whole = this.#finish(finish).then((done) => {
        known.all = done
      })
      this.#wholes.set(channel.address, whole)
      void whole.then(() => this.#wholes.delete(channel.address))
    })
  }

  /** Until it is done, also by another connection. False: whoever sends makes what it needs. */
  async #finish(work: () => Promise<void>): Promise<boolean> {
    for (;;) {
      try {
        await work()
        return true
      } catch (error) {
        if (this.ops.closed || (isPabalError(error) && !error.retryable)) return false
        await this.ops.pause(1000)
      }
    }
  }

  async #look(channel: Channel): Promise<Known> {
    await this.#seek()
    if (!(await exists(this.ops, this.#exchange(channel)))) {
      if (this.#mode === 'check') throw missing(channel)
      await this.#make(channel)
    }
    if (channel.kind === 'point-to-point') await this.#finished(channel)
    return this.#knows(channel)
  }

  #knows(channel: Channel): Known {
    let known = this.#known.get(channel.address)
    if (known === undefined) this.#known.set(channel.address, (known = { all: false, shards: new Set() }))
    return known
  }

  #exchange(channel: Channel): Wanted {
    return { exchange: this.names.exchange(channel), type: channel.kind === 'point-to-point' ? 'direct' : 'topic' }
  }

  #whole(channel: Channel, group: string): Wanted {
    return { exchange: this.names.whole(channel, group), type: 'fanout' }
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
      else if (this.#settings.ahead) await (await this.#queues(channel, ''))()
      if (!there) await this.registry.add({ channel })
      this.#knows(channel)
    })
  }

  async #check(channel: Channel): Promise<void> {
    await declare(this.ops, this.#exchange(channel), 'check')
    if (channel.kind !== 'point-to-point') await declare(this.ops, this.#transient(channel), 'check')
    else if (await exists(this.ops, this.#whole(channel, ''))) await this.#queues(channel, '', 'check')
  }

  /** Makes the queues of a group, all at once. What it resolves to waits until they may be sent to, and binds them. */
  async #queues(channel: Channel, group: string, mode = this.#mode): Promise<() => Promise<void>> {
    const whole = this.#whole(channel, group)
    const shards = [unkeyed, ...Array.from({ length: this.#shards }, (_, n) => String(n))]
    const queues = shards.map((shard) => this.#wanted(channel, group, shard))
    const done = mode === 'check' || (await exists(this.ops, whole))
    const there = done && (mode === 'check' || (await Promise.all(queues.map((queue) => exists(this.ops, queue)))).every(Boolean))
    const mine = await Promise.all(shards.map((shard) => this.#queue(channel, group, shard, mode)))
    if (mode === 'check') {
      if (group === '') await declare(this.ops, whole, mode)
      return () => Promise.resolve()
    }
    return async () => {
      if (!there)
        await settle(
          this.ops,
          queues.filter((_, at) => mine[at]),
          'nudge',
        )
      await Promise.all(shards.filter((_, at) => mine[at]).map((shard) => this.#bind(channel, group, shard)))
      if (done) return
      if (group !== '') await this.registry.add({ channel, group })
      await declare(this.ops, whole, mode)
    }
  }

  #wanted(channel: Channel, group: string, shard: string): Queue {
    return { queue: this.names.queue(channel, group, shard), args: this.args(shard !== unkeyed) }
  }

  /** False: it is somebody else's. */
  #queue(channel: Channel, group: string, shard: string, mode: Mode): Promise<boolean> {
    return declare(this.ops, this.#wanted(channel, group, shard), mode)
  }

  async #bind(channel: Channel, group: string, shard: string): Promise<void> {
    const queue = this.names.queue(channel, group, shard)
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
