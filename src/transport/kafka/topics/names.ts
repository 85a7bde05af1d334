import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'

/** What lies in a topic: durable messages, transient ones, a group's parking lot, what is not due yet. */
export type Lane = 'durable' | 'transient' | 'parked' | 'delayed'

/**
 * Names of topics and groups: those that people know, so that other clients find them. A channel's durable topic has the
 * channel's own address; what stands beside it has a segment that begins with `-`, which no address has.
 */
export class Names {
  readonly prefix: string
  /** Names that were asked for, without a group, by lane and address. */
  readonly #topics: Readonly<Record<Lane, Map<string, string>>> = {
    durable: new Map(),
    transient: new Map(),
    parked: new Map(),
    delayed: new Map(),
  }

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Throws `INVALID_CONFIGURATION` where Kafka has no such name. */
  topic(address: string, lane: Lane = 'durable', group?: string): string {
    const known = group === undefined ? this.#topics[lane].get(address) : undefined
    if (known !== undefined) return known
    let name = this.prefix + address
    if (lane !== 'durable') name += `.-${lane}`
    if (group !== undefined) name += `.${group}`
    if (!/^[\w.-]{1,249}$/.test(name) || name === '.' || name === '..' || /(?:^|\.)-/.test(address))
      throw new PabalError(
        'INVALID_CONFIGURATION',
        `kafka: the channel ${address}${group === undefined ? '' : ` with the group ${group}`} cannot be a topic: "${name.slice(0, 300)}" must have at most 249 characters, letters, digits, ".", "_" and "-", and no segment of an address may begin with "-"`,
      )
    if (group === undefined) this.#topics[lane].set(address, name)
    return name
  }

  /** The one topic of all inboxes. */
  get inboxes(): string {
    return `${this.prefix}-inboxes`
  }

  /** The consumer group: the owner's of a point-to-point channel, or a subscriber's. */
  group(channel: Channel, lane: Lane, group: string | undefined): string {
    const topic = this.topic(channel.address, lane)
    return group === undefined ? topic : `${topic}.-group.${group}`
  }

  /** The channel, lane and group of a topic, where it is one of this prefix. */
  read(topic: string): { readonly address: string; readonly lane: Lane; readonly group?: string } | undefined {
    if (!topic.startsWith(this.prefix) || topic === this.inboxes) return undefined
    const name = topic.slice(this.prefix.length)
    const beside = /^(.+?)\.-(transient|parked|delayed)(?:\.(.+))?$/.exec(name)
    if (beside === null) return name.startsWith('-') || name.startsWith('_') ? undefined : { address: name, lane: 'durable' }
    const [, address = '', lane, group] = beside
    return group === undefined ? { address, lane: lane as Lane } : { address, lane: lane as Lane, group }
  }

  /** What a consumer group reads, where it is one of this prefix. */
  readGroup(id: string): { readonly topic: string; readonly group?: string } {
    const at = id.lastIndexOf('.-group.')
    return at < 0 ? { topic: id } : { topic: id.slice(0, at), group: id.slice(at + 8) }
  }
}
