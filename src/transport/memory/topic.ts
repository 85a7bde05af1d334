import type { Channel } from '../../channel/channel.ts'
import type { Message } from '../../message/message.ts'
import type { Sleeper } from './alarms.ts'
import { Group, type Home } from './group.ts'
import type { Host } from './host.ts'

/** A channel: the groups that get what is sent to it, on each of its two lanes. */
export class Topic implements Home {
  readonly hub: Host
  readonly channel: Channel
  durable: readonly Group[] = []
  transient: readonly Group[] = []
  readonly delayed = new Set<Delayed>()

  constructor(hub: Host, channel: Channel) {
    this.hub = hub
    this.channel = { address: channel.address, kind: channel.kind }
    // What is sent before the owner subscribes is kept.
    if (channel.kind === 'point-to-point') this.durable = [new Group(hub, this, undefined, true, false, hub.limits.shards)]
  }

  /** The group of that name, made where it is new. Without a name: one of its own, or the owner's. */
  group(name: string | undefined, durable: boolean): Group {
    const groups = durable ? this.durable : this.transient
    const owners = this.channel.kind === 'point-to-point'
    const found = owners ? groups[0] : name === undefined ? undefined : groups.find((group) => group.name === name)
    if (found !== undefined) return found
    const ephemeral = !durable || name === undefined
    const group = new Group(this.hub, this, owners ? undefined : name, durable, ephemeral, this.hub.limits.shards)
    if (durable) this.durable = [...groups, group]
    else this.transient = [...groups, group]
    return group
  }

  forget(group: Group): void {
    this.durable = this.durable.filter((other) => other !== group)
    this.transient = this.transient.filter((other) => other !== group)
  }
}

/** A message that is not to be handed out before its time. Its groups are those of when it was sent. */
export class Delayed implements Sleeper {
  readonly #topic: Topic
  groups: readonly Group[]
  readonly message: Message
  readonly bytes: number
  readonly due: number
  readonly position: number

  constructor(topic: Topic, groups: readonly Group[], message: Message, bytes: number, due: number) {
    this.#topic = topic
    this.groups = groups
    this.message = message
    this.bytes = bytes
    this.due = due
    this.position = ++topic.hub.sequence
    topic.delayed.add(this)
    topic.hub.count(groups.length, bytes)
  }

  wake(): void {
    this.#topic.delayed.delete(this)
    this.#topic.hub.count(-this.groups.length, this.bytes)
    for (const group of this.groups) if (!group.removed) group.accept(this.message, this.bytes, Number.POSITIVE_INFINITY)
  }

  /** The group gets no copy. False where it would not have. */
  leave(group: Group): boolean {
    if (!this.groups.includes(group)) return false
    this.groups = this.groups.filter((other) => other !== group)
    this.#topic.hub.count(-1, this.bytes)
    if (this.groups.length === 0) this.#topic.delayed.delete(this)
    return true
  }
}
