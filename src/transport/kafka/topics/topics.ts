import { Faults, PabalError } from '../../../errors.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import type { Cluster, KnownTopic } from '../link/cluster.ts'
import { codes, isPassing, KafkaFault, nameOfCode } from '../protocol/codes.ts'
import { createTopics, describeConfigs, resourceTypes } from '../protocol/protocol-admin.ts'
import type { Lane, Names } from './names.ts'

const hour = 3_600_000

/** How a topic of each kind is made. Durable messages are never deleted by time: time does not ask whether they were read. */
const settingsFor: Readonly<Record<Lane | 'inboxes', Readonly<Record<string, string>>>> = {
  durable: { 'cleanup.policy': 'delete', 'retention.ms': '-1' },
  transient: { 'cleanup.policy': 'delete', 'retention.ms': String(hour), 'segment.ms': String(hour / 2) },
  inboxes: { 'cleanup.policy': 'delete', 'retention.ms': String(hour), 'segment.ms': String(hour / 2) },
  parked: { 'cleanup.policy': 'compact' },
  delayed: { 'cleanup.policy': 'compact' },
}

export interface Wanted {
  readonly name: string
  readonly kind: Lane | 'inboxes'
  /** How many partitions it must have, where not as many as was asked for: beside another topic. */
  readonly partitions?: number
}

/** The topics of a transport: made where they are missing and that is permitted, never changed. */
export class Topics {
  readonly #cluster: Cluster
  readonly #partitions: number
  readonly #replicas: number
  readonly #ready = new Map<string, Promise<KnownTopic>>()
  readonly names: Names
  /** Set by `provision`: whether a topic that is missing may be made. */
  mode: 'create' | 'check' = 'create'

  constructor(cluster: Cluster, names: Names, partitions: number, replicas: number) {
    this.#cluster = cluster
    this.names = names
    this.#partitions = partitions
    this.#replicas = replicas
  }

  /** The topic, where it was found to be as it should and is known now. */
  known(name: string): KnownTopic | undefined {
    return this.#ready.has(name) ? this.#cluster.topic(name) : undefined
  }

  /** The topic, made where it is missing. Rejects with `INVALID_CONFIGURATION` where it is not as it should be. */
  ensure(wanted: Wanted): Promise<KnownTopic> {
    let ready = this.#ready.get(wanted.name)
    if (ready === undefined) {
      ready = this.provision([wanted], this.mode).then(() => this.#leaders(wanted.name))
      this.#ready.set(wanted.name, ready)
      ready.catch(() => this.#ready.delete(wanted.name))
    } else if (this.#cluster.topic(wanted.name) === undefined) return ready.then(() => this.#leaders(wanted.name))
    return ready
  }

  /** Makes what is missing, and reports everything that is not as it should be. */
  async provision(wanted: readonly Wanted[], mode: 'create' | 'check'): Promise<void> {
    const all = [...new Map(wanted.map((one) => [one.name, one])).values()].filter(({ name }) => !this.#ready.has(name))
    if (all.length === 0) return
    const names = all.map(({ name }) => name)
    await this.#cluster.patiently(() => this.#cluster.refresh(names)).catch(refusal)
    const missing = all.filter(({ name }) => this.#cluster.topic(name) === undefined)
    const faults = new Faults()
    if (mode === 'check') for (const one of missing) faults.add('INVALID_CONFIGURATION', this.#lacks(one))
    else if (missing.length > 0) await this.#create(missing, faults)
    const there = all.filter((one) => !missing.includes(one))
    for (const { name, kind, partitions = this.#partitions } of there) {
      const found = this.#cluster.topic(name)?.leaders.length ?? 0
      if (kind === 'inboxes' || kind === 'transient') continue
      if (found < partitions)
        faults.add(
          'INVALID_CONFIGURATION',
          `the topic ${name} has ${found} partitions, ${partitions} are asked for: add partitions while it is empty (keys move), or ask for ${found}`,
        )
    }
    await this.#checkSettings(there, faults)
    faults.throwIfAny('INVALID_CONFIGURATION', 'kafka')
  }

  #lacks({ name, kind, partitions = this.#partitions }: Wanted): string {
    const settings = Object.entries(settingsFor[kind]).map(([setting, value]) => `${setting}=${value}`)
    return `the topic ${name} is missing: make it with at least ${partitions} partitions and ${settings.join(', ')}, or provision with 'create'`
  }

  async #create(missing: readonly Wanted[], faults: Faults): Promise<void> {
    const asked = missing.map(({ name, kind, partitions = this.#partitions }) => ({
      name,
      partitions,
      replicas: this.#replicas,
      settings: settingsFor[kind],
    }))
    const answers = await this.#cluster.patiently(async () => {
      const given = await this.#cluster.controller(createTopics, asked)
      const passing = given.find(({ code }) => isPassing(code))
      if (passing !== undefined) throw new KafkaFault(passing.code, `making the topic ${passing.name}`, passing.said)
      return given
    })
    for (const { name, code, said } of answers) {
      if (code === 0 || code === codes.TOPIC_ALREADY_EXISTS) continue
      faults.add('INVALID_CONFIGURATION', `the topic ${name} cannot be made: ${nameOfCode(code)}${said ? ` (${said})` : ''}`)
    }
  }

  async #checkSettings(there: readonly Wanted[], faults: Faults): Promise<void> {
    if (there.length === 0) return
    const asked = there.map(({ name }) => ({ type: resourceTypes.topic, name, settings: ['cleanup.policy'] }))
    const answers = await this.#cluster.any(describeConfigs, asked).catch(() => [])
    for (const { name, code, settings } of answers) {
      // Looking at settings is a permission of its own, which a service need not have.
      if (code !== 0) continue
      const policy = settings.get('cleanup.policy')
      const kind = there.find((one) => one.name === name)?.kind ?? 'durable'
      const expected = settingsFor[kind]['cleanup.policy']
      if (policy === undefined || policy === expected) continue
      faults.add('INVALID_CONFIGURATION', `the topic ${name} has cleanup.policy=${policy}, and needs ${expected}: ${why(kind)}`)
    }
  }

  /** A topic that was made is not known at once, not even to the broker that made it; nor do its leaders know at once that they lead. */
  async #leaders(name: string): Promise<KnownTopic> {
    const until = systemRuntime.monotonic() + 30_000
    for (;;) {
      const known = await this.#cluster.patiently(async () => {
        await this.#cluster.refresh([name])
        const found = this.#cluster.topic(name)
        if (found === undefined || found.leaders.some((leader) => leader < 0))
          throw new KafkaFault(codes.LEADER_NOT_AVAILABLE, `the topic ${name}`)
        return found
      })
      try {
        await this.#cluster.offsets(
          name,
          known.leaders.map((_, partition) => partition),
        )
        return known
      } catch (error) {
        if (systemRuntime.monotonic() > until) throw error
      }
    }
  }
}

const why = (kind: Lane | 'inboxes'): string =>
  kind === 'parked' || kind === 'delayed'
    ? 'what lies there is deleted by compaction once it is done with'
    : 'compaction keeps only the last message of each key'

/** What the broker does not permit, as an error with a code. */
export function refusal(error: unknown): never {
  const code = error instanceof KafkaFault ? error.code : undefined
  if (code === codes.TOPIC_AUTHORIZATION_FAILED || code === codes.CLUSTER_AUTHORIZATION_FAILED || code === codes.GROUP_AUTHORIZATION_FAILED)
    throw new PabalError('ACCESS_REFUSED', `kafka: ${(error as Error).message}: the user lacks the permission`, { cause: error })
  throw error
}
