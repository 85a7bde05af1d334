import type { Channel } from '../../../channel/channel.ts'
import type { Depth } from '../../seam.ts'
import { readAssignment } from '../group/assignor.ts'
import { type PartitionState, stateOf } from '../group/ledger.ts'
import type { Cluster } from '../link/cluster.ts'
import { messageIn } from '../protocol/envelope.ts'
import { describeGroups, listGroups } from '../protocol/protocol-admin.ts'
import type { Decompress } from '../protocol/records.ts'
import { readSome } from '../read/reading.ts'
import type { Names } from '../topics/names.ts'
import { delayedOf } from './delayed.ts'

/** All channels and groups of the prefix, as the brokers have them. */
export class Overview {
  readonly #cluster: Cluster
  readonly #names: Names
  readonly #decompress: Decompress

  constructor(cluster: Cluster, names: Names, decompress: Decompress) {
    this.#cluster = cluster
    this.#names = names
    this.#decompress = decompress
  }

  async depths(): Promise<Depth[]> {
    const topics = await this.#cluster.refresh(null)
    const groups = await this.#groups()
    const addresses = new Set<string>()
    const subscribers = new Map<string, Set<string>>()
    for (const topic of topics) {
      const found = this.#names.read(topic)
      if (found === undefined) continue
      if (found.lane === 'durable') addresses.add(found.address)
      if (found.lane === 'parked' && found.group !== undefined) setOf(subscribers, found.address).add(found.group)
    }
    for (const id of groups) {
      const { topic, group } = this.#names.readGroup(id)
      const found = this.#names.read(topic)
      if (found?.lane === 'durable' && group !== undefined) setOf(subscribers, found.address).add(group)
    }
    const rows = await Promise.all(
      [...addresses].map(async (address): Promise<Depth[]> => {
        const there = subscribers.get(address)
        if (there !== undefined)
          return Promise.all([...there].map((group) => this.#row({ address, kind: 'publish-subscribe' }, group, topics)))
        const row = await this.#row({ address, kind: 'point-to-point' }, undefined, topics)
        // Only questions to many are published there.
        if (row.waiting === 0 && !groups.includes(this.#names.topic(address)) && topics.includes(this.#names.topic(address, 'transient')))
          return []
        // What is published while no group is there waits for nobody.
        return row.waiting > 0 && !groups.includes(this.#names.topic(address)) && (await this.#holdsEvents(address)) ? [] : [row]
      }),
    )
    return rows.flat()
  }

  async #groups(): Promise<string[]> {
    const all = await Promise.all(this.#cluster.nodes.map((node) => this.#cluster.shared(node).call(listGroups, undefined)))
    return all.flatMap(({ groups }) => groups.map(({ group }) => group))
  }

  async #row(channel: Channel, group: string | undefined, topics: readonly string[]): Promise<Depth> {
    const names = this.#names
    const topic = names.topic(channel.address)
    const parks = names.topic(channel.address, 'parked', group)
    const id = names.group(channel, 'durable', group)
    const partitions = this.#cluster.topic(topic)?.leaders.length ?? 0
    const reading = { topic, group: id, parks: topics.includes(parks) ? parks : undefined, partitions }
    const [states, owners, delayed] = await Promise.all([
      stateOf(this.#cluster, reading, this.#decompress),
      this.#owners(id),
      delayedOf(this.#cluster, names.topic(channel.address, 'delayed'), this.#decompress),
    ])
    let waiting = delayed.length
    let parked = 0
    let oldest = Number.POSITIVE_INFINITY
    for (const { record } of delayed) oldest = Math.min(oldest, record.time)
    for (const state of states) {
      const open = Math.max(0, state.end - state.floor - state.done.size)
      waiting += open
      parked += state.entries.length
      if (open > 0) oldest = Math.min(oldest, await this.#oldest(topic, state))
    }
    return { channel, group, waiting, parked, oldest: Number.isFinite(oldest) ? oldest : undefined, ...owners }
  }

  async #oldest(topic: string, { partition, floor, done }: PartitionState): Promise<number> {
    const { records } = await readSome(this.#cluster, topic, partition, floor, this.#decompress, 64 * 1024)
    return records.find(({ offset }) => !done.has(offset))?.time ?? Number.POSITIVE_INFINITY
  }

  async #holdsEvents(address: string): Promise<boolean> {
    const topic = this.#names.topic(address)
    for (const partition of this.#cluster.topic(topic)?.leaders.keys() ?? []) {
      const [start = 0] = await this.#cluster.offsets(topic, [partition], -2)
      const { records } = await readSome(this.#cluster, topic, partition, start, this.#decompress, 64 * 1024)
      const [first] = records
      if (first !== undefined) return messageIn(first, topic, partition).kind === 'event'
    }
    return false
  }

  async #owners(id: string): Promise<{ owners: Record<string, number>; shards: Record<string, string> }> {
    const [described] = await this.#cluster.coordinated(id, describeGroups, [id], ([one]) => one?.code ?? 0)
    const owners: Record<string, number> = {}
    const shards: Record<string, string> = {}
    for (const { member, client, host, assignment } of described?.members ?? []) {
      // The broker gives each member a name that ends in a UUID.
      const name = `${client}@${host.replace(/^\//, '')}#${member.slice(-8)}`
      const { partitions } = readAssignment(assignment)
      owners[name] = partitions.length
      for (const partition of partitions) shards[String(partition)] = name
    }
    return { owners, shards }
  }
}

function setOf(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key)
  if (set === undefined) map.set(key, (set = new Set()))
  return set
}
