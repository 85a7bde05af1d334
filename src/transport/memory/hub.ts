import type { Channel } from '../../channel/channel.ts'
import { PabalError } from '../../errors.ts'
import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Outgoing, SendResult } from '../seam.ts'
import { Alarms } from './alarms.ts'
import { keep } from './entry.ts'
import type { Host } from './host.ts'
import type { MemoryInbox } from './inbox.ts'
import { type HubOptions, type Limits, limitsOf } from './options.ts'
import { Delayed, Topic } from './topic.ts'
import { Turns } from './turns.ts'

/** Everything that the members of one hub share: what a broker would hold. */
export class Hub implements Host {
  readonly runtime: Runtime
  readonly limits: Limits
  readonly capabilities: Capabilities
  readonly alarms: Alarms
  readonly topics = new Map<string, Topic>()
  readonly inboxes = new Map<string, MemoryInbox>()
  /** What is stored, a copy for each group. */
  messages = 0
  bytes = 0
  sequence = 0
  names = 0
  readonly turns: Turns
  readonly #open = new Set<object>()
  #nextSweep = 0

  constructor(options: HubOptions) {
    this.limits = limitsOf(options)
    this.runtime = options.runtime
    this.alarms = new Alarms(options.runtime)
    this.turns = new Turns(options.runtime)
    this.capabilities = {
      survives: 'nothing',
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
      maxBytes: this.limits.maxMessageBytes,
      takeover: this.limits.takeover,
    }
  }

  /** Without an open transport nothing here may hold the process open. */
  opened(transport: object, open: boolean): void {
    if (open) this.#open.add(transport)
    else this.#open.delete(transport)
    this.alarms.run(this.#open.size > 0)
  }

  count(messages: number, bytesEach: number): void {
    this.messages += messages
    this.bytes += messages * bytesEach
  }

  topic(channel: Channel): Topic {
    const found = this.topics.get(channel.address)
    if (found === undefined) {
      const topic = new Topic(this, channel)
      this.topics.set(channel.address, topic)
      return topic
    }
    if (found.channel.kind !== channel.kind) throw mismatch(found.channel, channel)
    return found
  }

  /** Refuses, stores or passes on one message. */
  send(outgoing: Outgoing): SendResult {
    const topic = this.topics.get(outgoing.channel.address)
    const bytes = sizeOf(outgoing.message)
    const fault = this.#fault(outgoing, topic, bytes)
    if (fault !== undefined) return fault
    if (!this.#fits(copies(outgoing, topic), bytes, 1)) return this.#overloaded(outgoing.message)
    return this.#route(outgoing, topic, bytes)
  }

  /**
   * Whether everything durable that a handler sent can be taken, so that it and the acknowledgement are one act. Emissions
   * may fill the hub to twice its bounds: else consumers could not empty a full one.
   */
  roomFor(emit: readonly Outgoing[]): boolean {
    let messages = 0
    let bytes = 0
    for (const outgoing of emit) {
      if (!outgoing.durable) continue
      const topic = this.topics.get(outgoing.channel.address)
      const size = sizeOf(outgoing.message)
      if (this.#fault(outgoing, topic, size) !== undefined) return false
      const groups = copies(outgoing, topic)
      messages += groups
      bytes += groups * size
    }
    return this.#fits(1, bytes, 2) && this.#fits(messages, 0, 2)
  }

  /** One of a settlement's emissions, after `roomFor`. A transient one that cannot be taken is its asker's timeout. */
  route(outgoing: Outgoing): void {
    const topic = this.topics.get(outgoing.channel.address)
    const bytes = sizeOf(outgoing.message)
    if (outgoing.durable || this.#fault(outgoing, topic, bytes) === undefined) this.#route(outgoing, topic, bytes, true)
  }

  #route(outgoing: Outgoing, found: Topic | undefined, bytes: number, emitted = false): SendResult {
    const { channel, durable, notBefore, ttl } = outgoing
    if (channel.kind === 'inbox') {
      const inbox = this.inboxes.get(channel.address)
      if (emitted) inbox?.take(keep(outgoing), bytes)
      else inbox?.accept(keep(outgoing), bytes)
      return inbox === undefined ? 'no-receiver' : 'sent'
    }
    const topic = found ?? this.topic(channel)
    const groups = durable ? topic.durable : topic.transient
    if (!durable && !groups.some((group) => group.members.length > 0)) return 'no-receiver'
    if (groups.length === 0) return 'sent'
    const message = keep(outgoing)
    if (durable && notBefore !== undefined && notBefore > this.runtime.now()) {
      this.alarms.set(notBefore, new Delayed(topic, groups, message, bytes, notBefore))
      return 'sent'
    }
    const expires = durable || ttl === undefined ? Number.POSITIVE_INFINITY : this.runtime.monotonic() + ttl
    for (const group of groups) group.accept(message, bytes, expires)
    return 'sent'
  }

  /** What can never be sent, however empty the hub is. */
  #fault({ channel, message }: Outgoing, topic: Topic | undefined, bytes: number): PabalError | undefined {
    if (topic !== undefined && topic.channel.kind !== channel.kind) return mismatch(topic.channel, channel)
    if (bytes > this.limits.maxMessageBytes)
      return new PabalError(
        'MESSAGE_TOO_LARGE',
        `${message.type} takes ${bytes} bytes; this memory transport carries at most ${this.limits.maxMessageBytes}`,
        { id: message.id },
      )
    return undefined
  }

  #fits(copies: number, bytes: number, times: number): boolean {
    const { maxMessages, maxBytes } = this.limits
    if (this.messages + copies <= maxMessages * times && this.bytes + copies * bytes <= maxBytes * times) return true
    this.#sweep()
    return this.messages + copies <= maxMessages * times && this.bytes + copies * bytes <= maxBytes * times
  }

  /** Transient messages that nobody took in time need no timer of their own: they go when the room is needed. */
  #sweep(): void {
    const now = this.runtime.monotonic()
    if (now < this.#nextSweep) return
    this.#nextSweep = now + 100
    for (const topic of this.topics.values()) {
      for (const group of topic.transient) {
        for (const shard of group.shards) {
          for (let at = shard.queue.head; at !== undefined; ) {
            const { next } = at
            if (at.expires <= now) group.drop(shard, at)
            at = next
          }
        }
      }
    }
  }

  #overloaded(message: Message): PabalError {
    const { maxMessages, maxBytes } = this.limits
    const text = `${message.type} was not taken: ${this.messages} messages in ${this.bytes} bytes are stored, at most ${maxMessages} in ${maxBytes} may be`
    return new PabalError('OVERLOADED', text, { id: message.id })
  }
}

/** For how many groups it will be stored. */
function copies(outgoing: Outgoing, topic: Topic | undefined): number {
  if (topic === undefined) return 1
  return outgoing.durable ? topic.durable.length : topic.transient.length
}

function mismatch(there: Channel, given: Channel): PabalError {
  return new PabalError(
    'INVALID_CONFIGURATION',
    `the channel ${given.address} is ${there.kind}, it was given as ${given.kind}: use one kind everywhere`,
  )
}
