import assert from 'node:assert/strict'
import type { Channel } from '../channel/channel.ts'
import { isPabalError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { systemRuntime } from '../runtime/system.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Outgoing, Receive, SendResult, SubscribeOptions, Subscription, Transport } from '../transport/seam.ts'
import { type Sample, sampleMessage } from './samples.ts'
import { pause, until, within } from './waiting.ts'
import type { Mortal, World } from './world.ts'

export type Listening = Partial<SubscribeOptions>

/** What one scenario works with: members, fresh channels, messages, and the end of it all. */
export class Stage {
  readonly runtime: Runtime
  readonly patience: number
  readonly quiet: number
  readonly calls: number
  readonly overload: number
  /** Begins every name of this run, so that scenarios and runs do not meet. */
  readonly prefix: string
  readonly #world: World
  readonly #opened: Transport[] = []
  readonly #mortals: Mortal[] = []
  readonly #after: (() => Promise<unknown>)[] = []
  #capabilities: Capabilities | undefined
  #sender: Transport | undefined
  #count = 0

  constructor(world: World, id: string) {
    this.#world = world
    this.runtime = world.runtime ?? systemRuntime
    this.patience = world.patience ?? 10_000
    this.quiet = world.quiet ?? 200
    this.calls = world.calls ?? 100_000
    this.overload = world.overload ?? 2500
    this.prefix = `c${id.replace(/\W/g, '')}-${this.runtime.id().replace(/-/g, '').slice(8)}`
  }

  /** Opens the first member, which sends and looks on, and reads what the store promises. */
  async begin(): Promise<Capabilities> {
    this.#sender = await this.member()
    return this.capabilities
  }

  get capabilities(): Capabilities {
    if (this.#capabilities === undefined) throw new Error('the stage has not begun')
    return this.#capabilities
  }

  /** The member that sends where it does not matter who does. */
  get sender(): Transport {
    if (this.#sender === undefined) throw new Error('the stage has not begun')
    return this.#sender
  }

  async member(): Promise<Transport> {
    const transport = await this.unopened()
    this.#capabilities = await within(
      this.runtime,
      this.patience,
      'open',
      transport.open(() => {}),
    )
    return transport
  }

  members(count: number): Promise<Transport[]> {
    return Promise.all(Array.from({ length: count }, () => this.member()))
  }

  /** A member that the scenario (or an app) opens itself; closed at the end all the same. */
  async unopened(): Promise<Transport> {
    const transport = await this.#world.member()
    this.#opened.push(transport)
    return transport
  }

  /** Closes a member before the end of the scenario. */
  close(member: Transport): Promise<void> {
    return within(this.runtime, this.patience, 'close of a member', member.close())
  }

  async mortal(opened = true): Promise<Mortal> {
    assert.ok(this.#world.mortal, 'the world has no mortal members')
    const mortal = await this.#world.mortal()
    this.#mortals.push(mortal)
    if (opened)
      await within(
        this.runtime,
        this.patience,
        'open',
        mortal.transport.open(() => {}),
      )
    return mortal
  }

  /** A fresh point-to-point channel. */
  queue(name = 'queue'): Promise<Channel> {
    return this.#channel({ address: `${this.prefix}-${name}`, kind: 'point-to-point' })
  }

  /** A fresh publish-subscribe channel. */
  topic(name = 'topic'): Promise<Channel> {
    return this.#channel({ address: `${this.prefix}-${name}`, kind: 'publish-subscribe' })
  }

  async #channel(channel: Channel): Promise<Channel> {
    await this.sender.provision([channel], 'create')
    return channel
  }

  /** A message on its way; ids count up within the scenario unless given. */
  outgoing(channel: Channel, sample: Sample & { id?: string; durable?: boolean; notBefore?: number; ttl?: number } = {}): Outgoing {
    const { id = `${this.prefix}-${++this.#count}`, durable = true, notBefore, ttl, ...rest } = sample
    return { channel, message: sampleMessage(id, this.runtime.now(), rest), durable, notBefore, ttl }
  }

  batch(channel: Channel, count: number, sample: (index: number) => Parameters<Stage['outgoing']>[1] = () => ({})): Outgoing[] {
    return Array.from({ length: count }, (_, index) => this.outgoing(channel, sample(index)))
  }

  /** Sends and requires that everything was taken. */
  async send(batch: readonly Outgoing[], by: Transport = this.sender): Promise<void> {
    const results = await within(this.runtime, this.patience * 3, `send of ${batch.length}`, Promise.resolve(by.send(batch)))
    assertSent(results, batch)
  }

  async subscribe(member: Transport, channel: Channel, receive: Receive, options: Listening = {}): Promise<Subscription> {
    const all: SubscribeOptions = { durable: true, maxMessages: 100, maxBytes: 16 * 1024 * 1024, ...options }
    const { runtime, patience } = this
    const what = `subscribe to ${channel.address}`
    const subscription = await within(runtime, patience, what, member.subscribe(channel, all, receive))
    return { stop: () => subscription.stop(), close: () => within(runtime, patience, 'close of a subscription', subscription.close()) }
  }

  until(condition: () => boolean, what: string | (() => string), progress?: () => unknown): Promise<void> {
    return until(this.runtime, this.patience, condition, typeof what === 'string' ? () => what : what, progress)
  }

  pause(ms: number): Promise<void> {
    return pause(this.runtime, ms)
  }

  /** Waits until `state` has stayed the same for `quiet` milliseconds. */
  async settled(state: () => string): Promise<void> {
    let last: string | undefined
    for (let now = state(); now !== last; now = state()) {
      last = now
      await this.pause(this.quiet)
    }
  }

  /** Listens for `quiet` milliseconds for what must not come. */
  async nothingMore(count: () => number, what: string): Promise<void> {
    const before = count()
    await pause(this.runtime, this.quiet)
    assert.equal(count(), before, `${what}: ${count() - before} came although nothing should`)
  }

  /** Done at the end, however the scenario ends. */
  after(action: () => Promise<unknown>): void {
    this.#after.push(action)
  }

  async end(): Promise<void> {
    const late = (what: string, promise: Promise<unknown>) => within(this.runtime, this.patience * 2, what, promise)
    const ended = await Promise.allSettled([
      ...this.#after.splice(0).map((action) => late('clean-up', action())),
      ...this.#mortals.splice(0).map((mortal) => late('the end of a mortal', mortal.kill())),
    ])
    const closed = await Promise.allSettled(this.#opened.splice(0).map((transport) => late('close', transport.close())))
    for (const result of [...ended, ...closed]) if (result.status === 'rejected') throw result.reason
  }
}

export function assertSent(results: readonly SendResult[], batch: readonly Outgoing[]): void {
  assert.equal(results.length, batch.length, 'one result for each message')
  for (const [index, result] of results.entries()) {
    const code = isPabalError(result) ? `${result.code} ${result.message}` : result
    assert.equal(code, 'sent', `message ${index} of ${batch.length}`)
  }
}
