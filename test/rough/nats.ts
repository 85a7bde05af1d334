import type { Channel } from '../../src/channel/channel.ts'
import { shardOf } from '../../src/channel/shard.ts'
import { PabalError } from '../../src/errors.ts'
import { checkMessage } from '../../src/message/limits.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type {
  Inbox,
  Outgoing,
  Receive,
  SendResult,
  StateListener,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../../src/transport/seam.ts'
import { ephemeral } from '../../src/transport/shared/ephemeral.ts'
import { TransientReceiver } from '../../src/transport/shared/transient.ts'
import { GroupMember, shards } from './nats-group.ts'
import { leaseTtl, Server, token } from './nats-server.ts'
import { pack, unpack } from './wire.ts'

/** A rough NATS JetStream adapter: it judges the seam, it is not shipped. See docs/explanation/seam-on-brokers.md. */
export class RoughNats implements Transport {
  readonly name = 'nats (rough)'
  readonly #address: string
  readonly #prefix: string
  readonly #subscriptions = new Set<Subscription>()
  readonly #sending = new Set<Promise<unknown>>()
  #server: Server | undefined
  #maxBytes = 0
  #closing: Promise<void> | undefined

  constructor(address: string, prefix: string) {
    this.#address = address
    this.#prefix = prefix
  }

  async open(listener: StateListener): Promise<Capabilities> {
    this.#server = await Server.open(this.#address, this.#prefix)
    // The frame, and a park note beside the message, take room too.
    this.#maxBytes = (this.#server.nc.info?.max_payload ?? 1024 * 1024) - 16 * 1024
    listener({ ready: true })
    return {
      survives: 'broker',
      ordersByKey: true,
      durableGroups: true,
      replays: false,
      delays: false,
      countsLosses: false,
      atomicEmit: false,
      detectsNoReceiver: true,
      knowsReceivers: false,
      fences: true,
      parks: true,
      maxBytes: this.#maxBytes,
      takeover: { killed: leaseTtl + 2000, frozen: leaseTtl + 2000 },
    }
  }

  /** The server, to whoever may still use it. */
  #use(): Server {
    if (this.#server === undefined || this.#closing) throw this.#closed()
    return this.#server
  }

  #closed(id?: string): PabalError {
    return new PabalError('CLOSED', `this connection to ${this.#address} is closed`, id === undefined ? {} : { id })
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    const server = this.#use()
    for (const channel of channels) {
      const log = server.logOf(channel)
      if (mode === 'create') await server.stream(log, `d.${token(channel.address)}`, {})
      else if (!(await server.jsm.streams.info(server.name(log)).catch(() => undefined)))
        throw new PabalError('INVALID_CONFIGURATION', `the stream of ${channel.address} is missing: provision with 'create'`)
    }
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    if (this.#closing) return batch.map(({ message }) => this.#closed(message.id))
    return this.#dispatch(batch)
  }

  /** Also what settlements emit while the transport closes. */
  #dispatch(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const sending = Promise.all(
      batch.map((outgoing) =>
        this.#sendOne(outgoing).catch((cause: Error) => new PabalError('SEND_FAILED', cause.message, { cause, id: outgoing.message.id })),
      ),
    )
    this.#sending.add(sending)
    void sending.finally(() => this.#sending.delete(sending))
    return sending
  }

  async #sendOne({ channel, message, durable, notBefore, ttl }: Outgoing): Promise<SendResult> {
    const { nc, js, subject } = this.#server as Server
    const { id } = message
    if (notBefore !== undefined) return new PabalError('UNSUPPORTED', `${message.type} has notBefore; NATS cannot delay messages`, { id })
    const fault = checkMessage(message, this.#maxBytes)
    if (fault !== undefined) return fault
    const address = token(channel.address)
    if (durable && channel.kind !== 'inbox') {
      // Without the server's own deduplication: a message that is sent again with the same id must arrive again.
      // The client gives up after 5 s, which a busy machine may take for 10,000 at a time.
      await js.publish(subject('d', address, shardOf(message.key ?? id, shards)), pack(message), { timeout: 20_000 })
      return 'sent'
    }
    // A core request: a receiver says at once that it has it, and the server that nobody is there.
    const failure = await nc.request(subject('t', address), pack(message), { timeout: Math.min(Math.max(1, ttl ?? 5000), 5000) }).then(
      () => undefined,
      (error: Error) => error,
    )
    if (failure === undefined) return 'sent'
    if (/no responders/i.test(failure.message)) return 'no-receiver'
    throw failure
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const address = `inbox.${owner.replace(/[^\w.:@/+=~-]/g, '_')}.${systemRuntime.id()}`
    const subscription = await this.#transient({ address, kind: 'inbox' }, undefined, { maxMessages: 100_000, maxBytes: 1e9 }, receive)
    return { address, close: () => subscription.close() }
  }

  async #transient(
    channel: Channel,
    queue: string | undefined,
    limits: Pick<SubscribeOptions, 'maxMessages' | 'maxBytes'>,
    receive: Receive,
  ): Promise<Subscription> {
    const server = this.#use()
    const emit = (batch: readonly Outgoing[]) => (server.nc.isClosed() ? Promise.resolve() : this.#dispatch(batch))
    const receiver = new TransientReceiver(limits, receive, emit, (message) => void emit([{ channel, message, durable: false }]))
    const subscription = server.nc.subscribe(server.subject('t', token(channel.address)), {
      ...(queue === undefined ? {} : { queue: token(queue) }),
      callback: (_, raw) => {
        raw.respond()
        receiver.take(unpack(raw.data))
      },
    })
    const stop = (): void => {
      receiver.stop()
      subscription.unsubscribe()
    }
    await server.nc.flush()
    const close = async (): Promise<void> => {
      stop()
      if (!server.nc.isClosed()) await server.nc.flush()
    }
    return { stop, close }
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const server = this.#use()
    const group = channel.kind === 'point-to-point' ? 'owner' : options.group
    if (!options.durable) return this.#transient(channel, group, options, receive)
    const sender = { send: (batch: readonly Outgoing[]) => this.#dispatch(batch) }
    if (group === undefined) return this.#keep(await this.#ephemeral(server, channel, options, receive, sender))
    const member = new GroupMember(server, channel, group, options, receive, sender)
    await member.start()
    return this.#keep(member)
  }

  async #ephemeral(
    server: Server,
    channel: Channel,
    options: SubscribeOptions,
    receive: Receive,
    sender: { send: Transport['send'] },
  ): Promise<Subscription> {
    const stream = server.logOf(channel)
    const { state } = await server.jsm.streams.info(server.name(stream))
    const floors = Array.from({ length: shards }, () => state.last_seq + 1)
    return ephemeral(floors, (n) => server.log(stream, server.subject('d', token(channel.address), n)), options, receive, sender)
  }

  #keep(subscription: Subscription): Subscription {
    this.#subscriptions.add(subscription)
    return subscription
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
      while (this.#sending.size > 0) await Promise.allSettled(this.#sending)
      await this.#server?.nc.close()
    })()
    return this.#closing
  }
}
