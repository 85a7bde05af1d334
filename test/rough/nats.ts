import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager, type JsMsg, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node'
import type { Channel } from '../../src/channel/channel.ts'
import { shardOf } from '../../src/channel/shard.ts'
import { PabalError } from '../../src/errors.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type { Inbox, Outgoing, Receive, SendResult, StateListener, SubscribeOptions, Subscription, Transport } from '../../src/transport/seam.ts'
import { assign } from '../../src/transport/shared/assignment.ts'
import { OwnedShard, type ParkStore } from './owned-shard.ts'
import { pack, splitNote, unpack, withNote } from './wire.ts'

const shards = 8
const leaseTtl = 1500
const beat = 400
const token = (text: string): string => Buffer.from(text).toString('hex')

/** A rough NATS JetStream adapter: it judges the seam, it is not shipped. See docs/decisions/0002-the-seam.md. */
export class RoughNats implements Transport {
  readonly name = 'nats (rough)'
  readonly #url: string
  readonly #prefix: string
  readonly #member = systemRuntime.id()
  #nc!: NatsConnection
  #js!: JetStreamClient
  #jsm!: JetStreamManager
  readonly #subscriptions = new Set<Subscription>()

  constructor(url: string, prefix: string) {
    this.#url = url
    this.#prefix = prefix
  }

  async open(listener: StateListener): Promise<Capabilities> {
    this.#nc = await connect({ servers: this.#url.replace('nats://', ''), pingInterval: 2000 })
    this.#js = jetstream(this.#nc)
    this.#jsm = await jetstreamManager(this.#nc)
    await this.#stream(`${this.#prefix}_lease`, `${this.#prefix}.l.>`, { storage: StorageType.Memory, max_age: nanos(leaseTtl), max_msgs_per_subject: 1 })
    await this.#stream(`${this.#prefix}_park`, `${this.#prefix}.p.>`, {})
    listener({ ready: true })
    return {
      survives: 'broker', ordersByKey: true, durableGroups: true, replays: false, delays: false, countsLosses: false, atomicEmit: false,
      detectsNoReceiver: true, knowsReceivers: false, fences: true, parks: true, maxBytes: (this.#nc.info?.max_payload ?? 1024 * 1024) - 4096, takeover: { killed: 4000, frozen: 4000 },
    }
  }

  async #stream(name: string, subject: string, more: object): Promise<void> {
    await this.#jsm.streams.add({ name, subjects: [subject], retention: RetentionPolicy.Limits, storage: StorageType.File, ...more }).catch((error: Error) => {
      if (!/already in use/.test(error.message)) throw error
    })
  }

  #log(channel: Channel): string {
    return `${this.#prefix}_d_${token(channel.address)}`
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    for (const channel of channels) {
      if (mode === 'create') await this.#stream(this.#log(channel), `${this.#prefix}.d.${token(channel.address)}.*`, {})
      else if (!(await this.#jsm.streams.info(this.#log(channel)).catch(() => undefined))) throw new PabalError('INVALID_CONFIGURATION', `the stream of ${channel.address} is missing`)
    }
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    return Promise.all(batch.map((outgoing) => this.#sendOne(outgoing).catch((cause: Error) => new PabalError('SEND_FAILED', cause.message, { cause, id: outgoing.message.id }))))
  }

  async #sendOne({ channel, message, durable, ttl }: Outgoing): Promise<SendResult> {
    const address = token(channel.address)
    if (durable) {
      await this.#js.publish(`${this.#prefix}.d.${address}.${shardOf(message.key ?? message.id, shards)}`, pack(message), { msgID: message.id })
      return 'sent'
    }
    if (channel.kind === 'publish-subscribe') {
      this.#nc.publish(`${this.#prefix}.t.${address}`, pack(message))
      return 'sent'
    }
    // A core request: the receiver says at once that it has it; nobody there is known at once.
    const receipt = await this.#nc.request(`${this.#prefix}.t.${address}`, pack(message), { timeout: Math.max(1, ttl ?? 5000) }).catch((error: Error) => error)
    if (receipt instanceof Error) return /no responders/i.test(receipt.message) ? 'no-receiver' : new PabalError('SEND_FAILED', receipt.message, { cause: receipt })
    return 'sent'
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const address = `inbox.${owner}.${systemRuntime.id()}`
    const close = this.#transient(address, undefined, receive)
    return { address, close: async () => close() }
  }

  #transient(address: string, queue: string | undefined, receive: Receive): () => void {
    const signal = new AbortController().signal
    const subscription = this.#nc.subscribe(`${this.#prefix}.t.${token(address)}`, {
      ...(queue === undefined ? {} : { queue }),
      callback: (_, raw) => {
        raw.respond()
        void receive({ message: unpack(raw.data), shard: '', lost: 0, fence: 0, signal }).then(
          (settlement) => ('emit' in settlement ? this.send(settlement.emit) : undefined),
          () => undefined,
        )
      },
    })
    return () => subscription.unsubscribe()
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    if (!options.durable) {
      const close = this.#transient(channel.address, options.group, receive)
      await this.#nc.flush()
      return { stop: close, close: async () => close() }
    }
    const group = channel.kind === 'point-to-point' ? 'owner' : (options.group ?? `~${this.#member}`)
    const subscription = new GroupMember(this.#prefix, this.#member, this, this.#js, this.#jsm, this.#log(channel), token(channel.address), token(group), options, receive, channel.kind === 'point-to-point')
    await subscription.start()
    this.#subscriptions.add(subscription)
    return subscription
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription.close()
    if (!this.#nc.isClosed()) await this.#nc.drain().catch(() => undefined)
  }
}

interface Lease {
  seq: number
  readonly until: () => number
}

class GroupMember implements Subscription {
  readonly #prefix: string
  readonly #member: string
  readonly #sender: Transport
  readonly #js: JetStreamClient
  readonly #jsm: JetStreamManager
  readonly #log: string
  readonly #address: string
  readonly #group: string
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #fromStart: boolean
  readonly #shards = new Map<number, { shard: OwnedShard; lease: Lease; end: () => Promise<void> }>()
  readonly #notBefore = new Map<number, number>()
  #stopped = false
  #closing: Promise<void> | undefined
  #beating: Promise<void> = Promise.resolve()
  #timer: { cancel(): void } | undefined

  constructor(prefix: string, member: string, sender: Transport, js: JetStreamClient, jsm: JetStreamManager, log: string, address: string, group: string, options: SubscribeOptions, receive: Receive, fromStart: boolean) {
    this.#prefix = prefix
    this.#member = member
    this.#sender = sender
    this.#js = js
    this.#jsm = jsm
    this.#log = log
    this.#address = address
    this.#group = group
    this.#options = options
    this.#receive = receive
    this.#fromStart = fromStart
  }

  async start(): Promise<void> {
    for (let shard = 0; shard < shards; shard++) {
      if ((await this.#durable(shard)) === undefined) await this.#consumer(shard, 0, this.#fromStart ? 1 : (await this.#jsm.streams.info(this.#log)).state.last_seq + 1)
    }
    await this.#beat()
    this.#schedule()
  }

  #schedule(): void {
    this.#timer = systemRuntime.timer(beat, () => {
      this.#beating = this.#beat().catch(() => undefined)
      void this.#beating.then(() => {
        if (!this.#stopped) this.#schedule()
      })
    }, true)
  }

  #lease(name: string): string {
    return `${this.#prefix}.l.${this.#address}.${this.#group}.${name}`
  }

  /** Says that this member is there, renews its leases, takes and gives shards. */
  async #beat(): Promise<void> {
    await this.#js.publish(this.#lease(`m.${this.#member}`), '')
    const found = await this.#jsm.streams.info(`${this.#prefix}_lease`, { subjects_filter: this.#lease('m.*') })
    const members = Object.keys(found.state.subjects ?? {}).map((subject) => subject.split('.').at(-1) as string)
    const mine = new Set(assign(members, shards).get(this.#member) ?? [])
    for (const [n, owned] of this.#shards) {
      if (!(await this.#renew(n, owned.lease))) {
        owned.shard.lose()
        await owned.end()
      } else if (!mine.has(n)) owned.shard.stop(), void this.#give(n, 0)
    }
    for (const n of mine) if (!this.#stopped && !this.#shards.has(n) && (this.#notBefore.get(n) ?? 0) <= systemRuntime.monotonic()) await this.#take(n)
  }

  async #renew(n: number, lease: Lease): Promise<boolean> {
    const asked = systemRuntime.monotonic()
    const ack = await this.#js.publish(this.#lease(`s.${n}`), this.#member, { expect: { lastSubjectSequence: lease.seq } }).catch(() => undefined)
    if (!ack) return false
    lease.seq = ack.seq
    ;(lease as { until: () => number }).until = () => asked + leaseTtl
    return true
  }

  async #take(n: number): Promise<void> {
    const lease: Lease = { seq: 0, until: () => 0 }
    if (!(await this.#renew(n, lease))) return
    // A consumer of its own for each owner: a stale acknowledgement goes to one that is no longer there. It begins at the old one's floor.
    const old = await this.#durable(n)
    const epoch = (old?.epoch ?? 0) + 1
    const name = await this.#consumer(n, epoch, (old?.floor ?? 0) + 1)
    if (old) await this.#jsm.consumers.delete(this.#log, old.name).catch(() => undefined)
    const owned = (): boolean => systemRuntime.monotonic() < lease.until()
    const shard = new OwnedShard({
      shard: String(n), fence: lease.seq, receive: this.#receive, limits: this.#options, sender: this.#sender, parks: this.#parks(n), runtime: systemRuntime, owned,
      released: (after) => void this.#give(n, Math.max(after, beat)),
      failed: () => undefined,
    })
    const messages = await (await this.#js.consumers.get(this.#log, name)).consume({ max_messages: 500 })
    const ended = (async () => {
      await shard.start()
      for await (const raw of messages as AsyncIterable<JsMsg>) if (!(await shard.take({ message: unpack(raw.data), acknowledge: async () => void (await raw.ackAck()) }))) break
    })().catch(() => undefined)
    this.#shards.set(n, { shard, lease, end: async () => {
      this.#shards.delete(n)
      await messages.close()
      await ended
    } })
  }

  /** Gives a shard to whoever wants it, once nothing of it is out. */
  async #give(n: number, pause: number): Promise<void> {
    const owned = this.#shards.get(n)
    if (!owned) return
    owned.shard.stop()
    await owned.shard.drained()
    if (this.#shards.get(n) !== owned) return
    this.#notBefore.set(n, systemRuntime.monotonic() + pause)
    await owned.end()
    const held = await this.#jsm.streams.getMessage(`${this.#prefix}_lease`, { last_by_subj: this.#lease(`s.${n}`) }).catch(() => undefined)
    if (held?.seq === owned.lease.seq) await this.#jsm.streams.deleteMessage(`${this.#prefix}_lease`, held.seq, false).catch(() => undefined)
  }

  async #durable(n: number): Promise<{ name: string; epoch: number; floor: number } | undefined> {
    let best: { name: string; epoch: number; floor: number } | undefined
    for await (const info of this.#jsm.consumers.list(this.#log)) {
      const [, group, shard, epoch] = /^([0-9a-f]+)-s(\d+)-e(\d+)$/.exec(info.name) ?? []
      if (group === this.#group && Number(shard) === n && (best === undefined || Number(epoch) > best.epoch)) best = { name: info.name, epoch: Number(epoch), floor: info.ack_floor.stream_seq }
    }
    return best
  }

  async #consumer(n: number, epoch: number, from: number): Promise<string> {
    const name = `${this.#group}-s${n}-e${epoch}`
    await this.#jsm.consumers.add(this.#log, { durable_name: name, filter_subject: `${this.#prefix}.d.${this.#address}.${n}`, ack_policy: AckPolicy.Explicit, ack_wait: nanos(600_000), max_ack_pending: 100_000, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from })
    return name
  }

  #parks(n: number): ParkStore {
    const stream = `${this.#prefix}_park`
    const subject = `${this.#prefix}.p.${this.#address}.${this.#group}.${n}`
    return {
      load: async () => {
        const entries = []
        for (let from = 1; ; ) {
          const raw = await this.#jsm.streams.getMessage(stream, { seq: from, next_by_subj: subject } as never).catch(() => undefined)
          if (!raw) break
          from = raw.seq + 1
          const { message, note } = splitNote(unpack(raw.data))
          // Amended entries were written again at the end; their place is kept beside them.
          const place = Number(message.extensions.parkplace ?? raw.seq)
          const { parkplace: _, ...extensions } = message.extensions
          entries.push({ message: { ...message, extensions }, note, handle: { seq: raw.seq, place } })
        }
        return entries.sort((a, b) => a.handle.place - b.handle.place)
      },
      add: async (message, note) => {
        const { seq } = await this.#js.publish(subject, pack(withNote(message, note)))
        return { message, note, handle: { seq, place: seq } }
      },
      amend: async (entry, note) => {
        const { seq: old, place } = entry.handle as { seq: number; place: number }
        const { seq } = await this.#js.publish(subject, pack(withNote({ ...entry.message, extensions: { ...entry.message.extensions, parkplace: String(place) } }, note)))
        entry.handle = { seq, place }
        await this.#jsm.streams.deleteMessage(stream, old, false)
      },
      remove: async (entry) => void (await this.#jsm.streams.deleteMessage(stream, (entry.handle as { seq: number }).seq, false)),
    }
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    for (const { shard } of this.#shards.values()) shard.stop()
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      await this.#beating
      await Promise.all([...this.#shards.keys()].map((n) => this.#give(n, 0)))
      const seen = await this.#jsm.streams.getMessage(`${this.#prefix}_lease`, { last_by_subj: this.#lease(`m.${this.#member}`) }).catch(() => undefined)
      if (seen) await this.#jsm.streams.deleteMessage(`${this.#prefix}_lease`, seen.seq, false).catch(() => undefined)
    })()
    return this.#closing
  }
}
