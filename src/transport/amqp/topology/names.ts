import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'

/** Where messages without a key go: a queue that all members of a group read at once. */
export const unkeyed = 'unkeyed'

/** The names of everything that an environment has on the broker. All begin with the prefix, so that several share one. */
export class Names {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Direct for a point-to-point channel, topic for a publish-subscribe one, so that other clients can bind `#`. */
  exchange(channel: Channel): string {
    return this.#checked(`${this.prefix}:${channel.address}`)
  }

  /** A group's queue of a shard. A point-to-point channel has one group, without a name. */
  queue(channel: Channel, group: string, shard: number | string): string {
    return this.#checked(`${this.group(channel, group)}/${shard}`)
  }

  park(channel: Channel, group: string, shard: number | string): string {
    return this.#checked(`${this.group(channel, group)}/${shard}/parked`)
  }

  /** An exchange that says: all queues of the group are there, bound, and may be sent to. */
  whole(channel: Channel, group: string): string {
    return this.#checked(`${this.group(channel, group)}/whole`)
  }

  /** What members of a group call each other by. */
  group(channel: Channel, group: string): string {
    return group === '' ? this.exchange(channel) : `${this.exchange(channel)}/${group}`
  }

  /** Where gathers are published: a fanout. */
  transientExchange(channel: Channel): string {
    return this.#checked(`${this.exchange(channel)}/transient`)
  }

  /** The queue of the transient lane that the members of a group share. */
  transientQueue(channel: Channel, group: string): string {
    return this.#checked(`${this.group(channel, group)}/transient`)
  }

  /** One instance's own. */
  own(channel: Channel, id: string): string {
    return this.#checked(`${this.exchange(channel)}/~${id}`)
  }

  inbox(address: string): string {
    return this.#checked(`${this.prefix}:${address}`)
  }

  /** What belongs to the environment, not to a channel: no address holds a colon. */
  system(what: string): string {
    return this.#checked(`${this.prefix}::${what}`)
  }

  #checked(name: string): string {
    const bytes = Buffer.byteLength(name)
    if (bytes > 255) throw new PabalError('INVALID_CONFIGURATION', `amqp: the name ${name} takes ${bytes} bytes, RabbitMQ allows 255`)
    return name
  }
}
