import type { Channel } from '../../channel/channel.ts'
import { isPabalError, PabalError } from '../../errors.ts'
import { maxHeaderBytes, sizeOf } from '../../message/limits.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Admin, Inbox, Outgoing, Receive, SendResult, StateListener, SubscribeOptions, Subscription, Transport } from '../seam.ts'
import { SqliteAdmin } from './admin.ts'
import { StoreClient } from './client.ts'
import { Marks } from './db/marks.ts'
import { GroupSubscription } from './group.ts'
import { LightLane } from './light.ts'
import { type Settings, type SqliteOptions, settingsOf } from './options.ts'
import { Peers } from './peers.ts'
import type { Stored } from './protocol.ts'
import { Sender } from './sender.ts'

const maxBytes = 32 * 1024 * 1024
/** How often a process looks for what it was not told of, in milliseconds: wake-ups come over the mesh. */
const pollEvery = 1000
const inboxBounds = { maxMessages: 100_000, maxBytes: 256 * 1024 * 1024 }

/** The embedded store: one file, several processes. See docs/decisions/0003-embedded-store.md. */
export class SqliteTransport implements Transport {
  readonly name = 'sqlite'
  readonly #settings: Settings
  readonly #options: SqliteOptions
  readonly #runtime: Runtime
  readonly #self: string
  #store!: StoreClient
  #marks!: Marks
  #peers!: Peers
  #sender!: Sender
  #light!: LightLane
  #shards = 0
  #admin: Admin | undefined
  #state: StateListener = () => {}
  /** What is wrong at the moment, by who says so. */
  readonly #troubles = new Map<string, string>()
  #units = 0
  readonly #groups = new Set<GroupSubscription>()
  #poll: Timer | undefined
  #version = 0
  #delayTimer: Timer | undefined
  #delayDue = Number.POSITIVE_INFINITY
  #closing: Promise<void> | undefined

  constructor(options: SqliteOptions) {
    this.#settings = settingsOf(options)
    this.#options = options
    this.#runtime = options.runtime ?? systemRuntime
    this.#self = this.#runtime.id()
  }

  get admin(): Admin | undefined {
    return this.#admin
  }

  async open(listener: StateListener): Promise<Capabilities> {
    const { file, maxSize, shards, frozenAfter, busyAfter } = this.#settings
    const { faults } = this.#options
    this.#state = listener
    this.#store = new StoreClient(
      faults?.trace,
      (error) => this.#trouble('worker', `${error.code}: ${error.message}`),
      () => this.#peers?.suspects() ?? '',
    )
    try {
      const opened = await this.#store.call('open', {
        file,
        maxSize,
        shards,
        busyAfter,
        kill: faults?.kill,
        crash: faults?.crash,
        trace: faults?.trace !== undefined,
        acknowledgeFirst: faults?.acknowledgeFirst === true,
      })
      this.#shards = opened.shards
      this.#marks = new Marks(opened.path, opened.shards)
      this.#sender = new Sender(this.#store, this.#shards, (stored, due) => this.#stored(stored, due))
      this.#admin = new SqliteAdmin(this.#store, this.#shards, (channel) => this.#lot(channel, true))
      this.#peers = new Peers(this.#self, this.#store, this.#runtime, {
        woken: (stored) => this.#wake(stored),
        changed: (channels) => this.#rebalance(channels),
        lot: (channel) => this.#lot(channel, false),
        transient: (frame) => void this.#light.take(frame),
        buried: () => this.#buried(),
      })
      this.#light = new LightLane(this.#peers, this.#store, this.#runtime, (batch) => this.#emit(batch))
      await this.#peers.open(file, opened.identity, frozenAfter)
      await this.#wakeDelayed()
    } catch (error) {
      this.#marks?.close()
      await this.#store.close()
      throw error
    }
    this.#schedulePoll()
    listener({ ready: true })
    return {
      survives: 'power',
      ordersByKey: true,
      durableGroups: true,
      replays: false,
      delays: true,
      countsLosses: true,
      atomicEmit: true,
      detectsNoReceiver: true,
      knowsReceivers: true,
      fences: true,
      parks: true,
      maxBytes,
      takeover: { killed: 1000, frozen: frozenAfter + 2000 },
    }
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    const missing = await this.#store.call('provision', { channels: channels.map(({ address, kind }) => ({ address, kind })), mode })
    if (missing.length > 0)
      throw new PabalError(
        'INVALID_CONFIGURATION',
        `the store ${this.#settings.file} does not have these channels as asked for: ${missing.join(', ')}`,
        { hint: "Start once with provision: 'create'." },
      )
  }

  // ——— sending

  send(batch: readonly Outgoing[]): readonly SendResult[] | Promise<readonly SendResult[]> {
    const [only] = batch
    if (batch.length !== 1 || only === undefined)
      return Promise.all(batch.map((outgoing) => this.#sendOne(outgoing))).then((results) =>
        results.map(([result]) => result as SendResult),
      )
    return this.#sendOne(only)
  }

  #sendOne(outgoing: Outgoing): readonly SendResult[] | Promise<readonly SendResult[]> {
    const refused = this.#refuse(outgoing)
    if (refused) return [refused]
    if (outgoing.durable) return this.#sender.send(outgoing)
    const result = this.#light.send(outgoing)
    return result instanceof Promise ? result.then((later) => [later]) : [result]
  }

  #refuse({ message, durable, notBefore }: Outgoing): PabalError | undefined {
    const { id } = message
    if (this.#closing) return new PabalError('CLOSED', 'the transport is closed; nothing was sent', { id })
    if (notBefore !== undefined && !durable)
      return new PabalError('UNSUPPORTED', `${message.type}: only durable messages can be delayed`, { id })
    // The headers were measured above the seam; a dead letter may add some.
    if (message.body.byteLength > maxBytes || sizeOf(message) > maxBytes + maxHeaderBytes)
      return new PabalError(
        'MESSAGE_TOO_LARGE',
        `${message.type}: it takes ${sizeOf(message)} bytes, the store carries at most ${maxBytes}`,
        { id },
      )
    return undefined
  }

  #emit(batch: readonly Outgoing[]): void {
    void this.send(batch)
  }

  async receivers(channel: Channel): Promise<readonly string[]> {
    await this.#peers.refresh()
    return (this.#peers.routes(channel.address) ?? []).map(({ group }) => group)
  }

  // ——— receiving

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const address = `inbox.${owner.replace(/[^\w.-]/g, '_').slice(0, 100)}.${this.#runtime.id()}`
    this.#mustBeOpen()
    const close = await this.#light.open(this.#unit(), { address, kind: 'inbox' }, '', inboxBounds, receive)
    return { address, close }
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    this.#mustBeOpen()
    const ephemeral = channel.kind !== 'point-to-point' && options.group === undefined
    const group = channel.kind === 'point-to-point' ? '' : (options.group ?? `~${this.#runtime.id()}`)
    if (!options.durable) {
      const close = await this.#light.open(this.#unit(), channel, group, options, receive)
      return { stop: () => void close(), close }
    }
    const subscription = new GroupSubscription(
      {
        store: this.#store,
        peers: this.#peers,
        runtime: this.#runtime,
        shards: this.#shards,
        emit: (batch) => this.#emit(batch),
        marks: this.#marks,
        stored: (stored, due) => this.#stored(stored, due),
        state: (problem) => this.#trouble(subscription.unit, problem),
        closed: (closed) => this.#left(closed),
      },
      this.#unit(),
      channel,
      group,
      ephemeral,
      options,
      receive,
    )
    this.#groups.add(subscription)
    await subscription.start()
    // Others of the same group in this process share with it.
    this.#rebalance([channel.address])
    return subscription
  }

  #left(group: GroupSubscription): void {
    this.#groups.delete(group)
    if (this.#closing || ![...this.#groups].some(({ channel }) => channel.address === group.channel.address)) return
    void this.#peers.refresh().then(
      () => this.#rebalance([group.channel.address]),
      () => undefined,
    )
  }

  /** Not ready while anybody has a problem. */
  #trouble(who: string, problem: string | undefined): void {
    if (this.#troubles.get(who) === problem) return
    if (problem === undefined) this.#troubles.delete(who)
    else this.#troubles.set(who, problem)
    const [reason] = this.#troubles.values()
    this.#state(reason === undefined ? { ready: true } : { ready: false, reason })
  }

  #unit(): string {
    return `${this.#self}/${this.#units++}`
  }

  #mustBeOpen(): void {
    if (this.#closing) throw new PabalError('CLOSED', 'the transport is closed')
  }

  // ——— what others did

  /** This process stored something: its own subscriptions are told, and the other processes. */
  #stored(stored: readonly Stored[], nextDue: number | null): void {
    this.#peers.wake(stored)
    for (const one of stored) this.#wake(one)
    if (nextDue !== null) this.#scheduleDelayed(nextDue)
  }

  #wake(stored: Stored): void {
    for (const group of this.#groups) if (group.channel.address === stored.channel) group.woken(stored)
  }

  #rebalance(channels: readonly string[] | undefined): void {
    for (const group of this.#groups) if (channels === undefined || channels.includes(group.channel.address)) void group.rebalance()
  }

  #lot(channel: string, tell: boolean): void {
    for (const group of this.#groups) if (group.channel.address === channel) group.lotChanged()
    if (tell) this.#peers.lotChanged(channel)
  }

  /** The others took this process for dead or frozen: it owns nothing any more, and takes part anew. */
  async #buried(): Promise<void> {
    for (const group of this.#groups) group.loseAll()
    await this.#peers.register()
    await this.#light.rejoin()
    for (const group of this.#groups) await group.join()
    this.#peers.sayChanged()
    for (const group of this.#groups) void group.rebalance()
  }

  /** The one timer that keeps the process running: an open transport is a reason to live, as a connection would be. */
  #schedulePoll(): void {
    this.#poll = this.#runtime.timer(pollEvery, () => {
      void this.#look()
        .then(
          () => this.#trouble('store', undefined),
          (error: unknown) =>
            this.#closing === undefined && isPabalError(error) && this.#trouble('store', `${error.code}: ${error.message}`),
        )
        .then(() => {
          if (!this.#closing) this.#schedulePoll()
        })
    })
  }

  /** A safety net: a wake-up may be lost with the process that should have sent it. */
  async #look(): Promise<void> {
    const { version } = await this.#store.call('poll', {})
    if (version === this.#version) return
    for (const group of this.#groups) {
      group.poke()
      group.review()
    }
    await this.#peers.refresh()
    this.#rebalance(undefined)
    // Only now: where something failed it is looked at again.
    this.#version = version
  }

  // ——— delays

  #scheduleDelayed(due: number): void {
    if (due >= this.#delayDue || this.#closing) return
    this.#delayDue = due
    this.#delayTimer?.cancel()
    const wait = Math.min(Math.max(0, due - this.#runtime.now()), 2 ** 30)
    this.#delayTimer = this.#runtime.timer(wait, () => this.#tryDelayed(), true)
  }

  #tryDelayed(): void {
    this.#wakeDelayed().catch(() => this.#scheduleDelayed(this.#runtime.now() + pollEvery))
  }

  async #wakeDelayed(): Promise<void> {
    this.#delayDue = Number.POSITIVE_INFINITY
    if (this.#closing) return
    const { stored, nextDue } = await this.#store.call('wakeDelayed', { now: this.#runtime.now() })
    if (stored.length > 0) this.#stored(stored, null)
    if (nextDue !== null) this.#scheduleDelayed(nextDue)
  }

  // ——— the end

  close(): Promise<void> {
    if (this.#closing === undefined) {
      // What ends gets to its end: the other timers would not keep the process running for it.
      const alive = this.#runtime.timer(2 ** 30, () => {})
      this.#closing = this.#end().finally(() => alive.cancel())
    }
    return this.#closing
  }

  async #end(): Promise<void> {
    this.#poll?.cancel()
    this.#delayTimer?.cancel()
    if (this.#peers === undefined) return this.#store?.close()
    await this.#sender.drained()
    this.#light.close()
    await Promise.all([...this.#groups].map((group) => group.close()))
    await this.#store.call('unregister', { member: this.#self }).catch(() => undefined)
    this.#peers.sayChanged()
    await this.#peers.close()
    this.#marks.close()
    await this.#store.call('close', {}).catch(() => undefined)
    await this.#store.close()
  }
}
