import type { Channel } from '../../channel/channel.ts'
import { PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Inbox, Outgoing, Receive, SendResult, StateListener, SubscribeOptions, Subscription, Transport } from '../seam.ts'
import { AmqpAdmin } from './admin.ts'
import { loadDriver } from './driver.ts'
import { openFault } from './faults.ts'
import { GroupMember } from './group/group.ts'
import { Keeper, type Question } from './group/keeper.ts'
import { Members } from './group/members.ts'
import type { World } from './group/world.ts'
import { EphemeralReader } from './light/ephemeral.ts'
import { TransientReader } from './light/transient.ts'
import { capabilitiesOf } from './link/broker.ts'
import { Link } from './link/link.ts'
import { Ops } from './link/ops.ts'
import { type AmqpOptions, type Settings, settingsOf } from './options.ts'
import { Delays } from './send/delays.ts'
import { Publisher } from './send/publisher.ts'
import { Sender, type Terms } from './send/sender.ts'
import { Fences } from './topology/fences.ts'
import { Names } from './topology/names.ts'
import { Topology } from './topology/topology.ts'

interface Open {
  readonly world: World
  readonly publishing: Link
  /** Of transient messages. */
  readonly passer: Publisher
  readonly sender: Sender
}

/** RabbitMQ, over two connections: one is published on, the other consumed from. */
export class AmqpTransport implements Transport {
  readonly name = 'amqp'
  readonly admin: AmqpAdmin
  readonly #options: AmqpOptions
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #subscriptions = new Set<Subscription>()
  readonly #groups = new Set<GroupMember>()
  #opened: Open | undefined
  #listener: StateListener = () => undefined
  #said = ''
  #closing: Promise<void> | undefined

  constructor(options: AmqpOptions) {
    this.#options = options
    this.#settings = settingsOf(options)
    this.#runtime = options.runtime ?? systemRuntime
    this.admin = new AmqpAdmin(
      () => this.#use().world,
      () => this.#use().world.topology.registry,
    )
  }

  async open(listener: StateListener, mode: 'create' | 'check' = 'create'): Promise<Capabilities> {
    if (this.#closing) throw this.#closed()
    this.#listener = listener
    const settings = this.#settings
    const runtime = this.#runtime
    const driver = this.#options.driver ?? (await loadDriver())
    const publishing = new Link(driver, settings, runtime, 'publishes', () => this.#tell())
    const consuming = new Link(driver, settings, runtime, 'consumes', () => this.#tell())
    const ops = new Ops(consuming, runtime, settings.sendWithin)
    const topology = new Topology(new Names(settings.prefix), ops, settings, runtime)
    const gone = (exchange: string): void => topology.forget(exchange)
    const publisher = new Publisher(publishing, runtime, 'confirms', gone)
    const passer = new Publisher(publishing, runtime, 'questions', gone)
    const members = new Members(topology.names, runtime, publisher)
    const keeper = new Keeper(
      () => this.#groups,
      (queue, message, facts) => this.admin.put(queue, message, facts),
    )
    members.answer = (group, question) => keeper.answer(group, question as Question, members.id)
    const sender = new Sender(settings, runtime, topology, publisher, passer, new Delays(topology, publisher))
    const fences = new Fences(ops, runtime, topology.names.system('fence'))
    const emit = (batch: readonly Outgoing[], terms: Terms) => sender.send(batch, terms)
    const warn = (warning: string): void => {
      if (this.#said === '' && !this.#closing) this.#listener({ ready: true, warning })
    }
    const world: World = { settings, runtime, consuming, topology, members, publisher, fences, warn, emit }
    this.#opened = { world, publishing, passer, sender }
    try {
      const connection = await consuming.open()
      const capabilities = capabilitiesOf(connection, settings)
      await topology.begin(mode)
      await publishing.open()
      await publishing.join(publisher)
      await publishing.join(passer)
      await consuming.join(members)
      return capabilities
    } catch (error) {
      await Promise.all([publishing.close(), consuming.close()])
      // the broker may end at any step of it
      throw openFault(error, settings)
    }
  }

  /** Told once for each change. */
  #tell(): void {
    if (this.#opened === undefined || this.#closing) return
    const { publishing, world } = this.#opened
    const blocked = publishing.blocked === undefined ? undefined : `the broker takes no messages: ${publishing.blocked}`
    const reason = world.consuming.trouble ?? publishing.trouble ?? blocked
    if (reason === this.#said) return
    this.#said = reason ?? ''
    if (reason === undefined) this.#listener({ ready: true })
    else this.#listener({ ready: false, reason })
  }

  #use(): Open {
    if (this.#opened === undefined || this.#closing) throw this.#closed()
    return this.#opened
  }

  #closed(id?: string): PabalError {
    return new PabalError('CLOSED', `this connection to ${this.#settings.shown} is closed`, id === undefined ? {} : { id })
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    await this.#use().world.topology.provision(channels, mode)
  }

  send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    if (this.#opened === undefined || this.#closing) return Promise.resolve(batch.map(({ message }) => this.#closed(message.id)))
    return this.#opened.sender.send(batch)
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const { world } = this.#use()
    const address = `inbox.${owner.replace(/[^\w.:@/+=~-]/g, '_').slice(0, 100)}.${this.#runtime.id()}`
    const queue = world.topology.names.inbox(address)
    const subscription = await this.#transient({ address, kind: 'inbox' }, undefined, receive, async (channel) => {
      await channel.assertQueue(queue, { exclusive: true, durable: false, autoDelete: true })
      return queue
    })
    return { address, close: () => subscription.close() }
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    try {
      return await this.#begin(channel, options, receive)
    } catch (error) {
      throw openFault(error, this.#settings)
    }
  }

  async #begin(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const { world } = this.#use()
    for (const bound of ['maxMessages', 'maxBytes'] as const)
      if (!(options[bound] >= 1))
        throw new PabalError('INVALID_OPTION', `${bound} is ${String(options[bound])}, give a number of at least 1`)
    const { topology } = world
    const group = channel.kind === 'point-to-point' ? '' : options.group
    if (channel.kind === 'publish-subscribe' && (group === undefined || !options.durable)) await topology.ready(channel, '')
    if (!options.durable) return this.#lane(channel, group, options, receive)
    if (group === undefined) {
      const reader: EphemeralReader = new EphemeralReader(world, channel, options, receive, () => this.#subscriptions.delete(reader))
      this.#subscriptions.add(reader)
      await begun(reader)
      return reader
    }
    await topology.group(channel, group)
    const member: GroupMember = new GroupMember(world, channel, group, options, receive, () => {
      this.#subscriptions.delete(member)
      this.#groups.delete(member)
    })
    this.#subscriptions.add(member)
    this.#groups.add(member)
    await begun(member)
    return member
  }

  #lane(channel: Channel, group: string | undefined, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const { names } = this.#use().world.topology
    return this.#transient(channel, options, receive, async (open) => {
      const queue = group === undefined ? names.own(channel, this.#runtime.id()) : names.transientQueue(channel, group)
      await open.assertQueue(queue, { durable: false, autoDelete: true, exclusive: group === undefined })
      if (channel.kind === 'publish-subscribe') await open.bindQueue(queue, names.transientExchange(channel), '')
      return queue
    })
  }

  async #transient(
    channel: Channel,
    limits: SubscribeOptions | undefined,
    receive: Receive,
    prepare: ConstructorParameters<typeof TransientReader>[1]['prepare'],
  ): Promise<Subscription> {
    const { world, sender } = this.#use()
    const again = (message: Outgoing['message']): void => void sender.send([{ channel, message, durable: false }])
    const reader: TransientReader = new TransientReader(world, { prepare, receive, limits, again }, () =>
      this.#subscriptions.delete(reader),
    )
    this.#subscriptions.add(reader)
    await begun(reader).catch((error: unknown) => {
      throw openFault(error, this.#settings)
    })
    return reader
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
      if (this.#opened === undefined) return
      const { world, publishing, passer } = this.#opened
      if (publishing.trouble === undefined) await Promise.all([world.publisher.flushed(), passer.flushed()])
      world.publisher.close()
      passer.close()
      await Promise.all([publishing.close(), world.consuming.close()])
    })()
    return this.#closing
  }
}

/** What could not begin is no subscription, also after the next connection. */
async function begun(subscription: Subscription & { start(): Promise<void> }): Promise<void> {
  try {
    await subscription.start()
  } catch (error) {
    await subscription.close().catch(() => undefined)
    throw error
  }
}
