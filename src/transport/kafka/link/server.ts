import { PabalError } from '../../../errors.ts'
import type { Capabilities } from '../../capabilities.ts'
import type { Settings } from '../options.ts'
import { KafkaFault, LinkFault } from '../protocol/codes.ts'
import { apiVersions } from '../protocol/protocol.ts'
import { describeConfigs, resourceTypes } from '../protocol/protocol-admin.ts'
import type { Cluster } from './cluster.ts'

/** What is asked of a broker, by key and version, and since when brokers know it. */
const needed: readonly (readonly [name: string, key: number, version: number])[] = [
  ['Produce', 0, 7],
  ['Fetch', 1, 10],
  ['ListOffsets', 2, 2],
  ['Metadata', 3, 5],
  ['OffsetCommit', 8, 5],
  ['OffsetFetch', 9, 3],
  ['FindCoordinator', 10, 1],
  ['JoinGroup', 11, 3],
  ['Heartbeat', 12, 2],
  ['LeaveGroup', 13, 2],
  ['SyncGroup', 14, 2],
  ['DescribeGroups', 15, 2],
  ['ListGroups', 16, 2],
  ['CreateTopics', 19, 4],
  ['InitProducerId', 22, 1],
  ['DescribeConfigs', 32, 1],
]

export interface ServerFacts {
  /** The largest batch of records, in bytes. */
  readonly batchBytes: number
  readonly minInSync: number
  readonly replicas: number
  readonly brokers: number
}

/** Room for the envelope and for the note of a parked message, in the broker's limit. */
const besides = 64 * 1024

/** Looks at the brokers. Throws `BROKER_UNREACHABLE`, `ACCESS_REFUSED`, `TLS_REFUSED` or `BROKER_TOO_OLD`. */
export async function lookAt(cluster: Cluster, settings: Settings): Promise<ServerFacts> {
  const brokers = settings.brokers.map(({ host, port }) => `${host}:${port}`).join(', ')
  try {
    const { apis } = await cluster.any(apiVersions, undefined)
    const offered = new Map(apis.map((api) => [api.key, api]))
    const lacking = needed.filter(([, key, version]) => {
      const there = offered.get(key)
      return there === undefined || version < there.min || version > there.max
    })
    if (lacking.length > 0)
      throw new PabalError(
        'BROKER_TOO_OLD',
        `kafka: the broker at ${brokers} does not know ${lacking.map(([name, , version]) => `${name} version ${version}`).join(', ')}: it is older than Kafka 2.4, or newer than this version of Pabal`,
      )
    await cluster.refresh([])
    // One that has just begun answers, and names nobody until its controller has let it in.
    if (cluster.nodes.length === 0) throw new LinkFault('it answers, and is not in service yet', { unsent: true })
  } catch (error) {
    throw unreachable(error, brokers, settings)
  }
  return readFacts(cluster)
}

/** A failed connection, as a person should read it. */
export function unreachable(error: unknown, brokers: string, settings: Settings): unknown {
  if (!(error instanceof LinkFault)) return error
  if (!error.hopeless) {
    return new PabalError('BROKER_UNREACHABLE', `kafka: no broker answers at ${brokers}: ${error.message}`, { cause: error })
  }
  const { sasl, tls } = settings
  const said = error.message
  const access = /SASL|uthentication/.test(said)
  const hint = /requires TLS/.test(said)
    ? 'The broker expects TLS: use kafkas://, or the option tls.'
    : access
      ? sasl === undefined
        ? 'The broker expects credentials: give user:password@ in the URL, or the option sasl.'
        : 'Check the user, the password and the mechanism.'
      : tls === undefined
        ? undefined
        : 'Check the certificates: the option ca (or tls.ca) names the authority that signed the broker’s.'
  const details = hint === undefined ? { cause: error } : { cause: error, hint }
  return new PabalError(access ? 'ACCESS_REFUSED' : 'TLS_REFUSED', `kafka: the broker at ${brokers} refused this client: ${said}`, details)
}

async function readFacts(cluster: Cluster): Promise<ServerFacts> {
  const wanted = ['message.max.bytes', 'min.insync.replicas', 'default.replication.factor']
  const [node] = cluster.nodes as [number]
  const ask = [{ type: resourceTypes.broker, name: String(node), settings: wanted }]
  // Looking at settings is a permission of its own: without it the defaults of Kafka are assumed.
  const answers = await cluster
    .shared(node)
    .call(describeConfigs, ask)
    .catch((error: unknown) => {
      if (error instanceof KafkaFault || error instanceof LinkFault) return []
      throw error
    })
  const found = answers.find(({ code }) => code === 0)?.settings
  const number = (name: string, otherwise: number): number => Number(found?.get(name) ?? otherwise) || otherwise
  return {
    batchBytes: number('message.max.bytes', 1_048_588),
    minInSync: number('min.insync.replicas', 1),
    replicas: number('default.replication.factor', 1),
    brokers: cluster.nodes.length,
  }
}

export function capabilitiesOf({ batchBytes }: ServerFacts, { sessionTimeout }: Settings): Capabilities {
  return {
    // A broker acknowledges before its disk has it: replicas are its safety, and power that fails everywhere at once is not covered.
    survives: 'broker',
    ordersByKey: true,
    durableGroups: true,
    replays: false,
    delays: true,
    countsLosses: true,
    atomicEmit: false,
    detectsNoReceiver: false,
    knowsReceivers: false,
    fences: true,
    parks: true,
    maxBytes: Math.max(16 * 1024, batchBytes - besides),
    takeover: { killed: sessionTimeout * 2, frozen: sessionTimeout * 2 },
  }
}
