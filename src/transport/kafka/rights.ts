import { deadLetterChannel, invalidMessageChannel } from '../../channel/names.ts'
import type { LaneUse, Participation, Rights } from '../rights.ts'
import { optionsFromUrl, settingsOf } from './options.ts'
import { type Lane, Names } from './topics/names.ts'

type Operation = 'Create' | 'Describe' | 'DescribeConfigs' | 'Read' | 'Write'
interface Acl {
  readonly resource: 'topic' | 'group'
  readonly name: string
  readonly pattern: 'literal' | 'prefixed'
  readonly operations: Set<Operation>
}

const looks: readonly Operation[] = ['Describe', 'DescribeConfigs']
const fills: readonly Operation[] = ['Create', ...looks, 'Write']
const makes: readonly Operation[] = [...fills, 'Read']

/** The access control list of one service on Kafka, topic by topic and group by group. Throws what the URL is refused with. */
export function rightsOf(participation: Participation, url: string, user: string): Rights {
  const settings = settingsOf(optionsFromUrl(url))
  const names = new Names(settings.prefix)
  const all = new Map<string, Acl>()
  const may = (resource: Acl['resource'], name: string, operations: readonly Operation[], pattern: Acl['pattern'] = 'literal'): void => {
    const key = `${resource} ${pattern} ${name}`
    const acl = all.get(key) ?? { resource, name, pattern, operations: new Set() }
    for (const operation of operations) acl.operations.add(operation)
    all.set(key, acl)
  }
  const topic = ({ channel, durable }: LaneUse, operations: readonly Operation[]): void =>
    may('topic', names.topic(channel.address, durable ? 'durable' : 'transient'), operations)
  const beside = (address: string, lane: Lane, group?: string): void => may('topic', names.topic(address, lane, group), makes)
  /** Delayed messages wait beside a channel; whoever sends or reads them forwards those that are due, as a group of that name. */
  const delays = (address: string): void => {
    beside(address, 'delayed')
    may('group', names.topic(address, 'delayed'), ['Read'])
  }

  for (const use of participation.owns) topic(use, fills)
  for (const use of participation.reads) {
    const { channel, group, durable, own } = use
    topic(use, own ? makes : [...looks, 'Read'])
    may('group', names.group(channel, durable ? 'durable' : 'transient', group), ['Read'])
    if (!durable) {
      // Provisioning looks at the channel itself too.
      may('topic', names.topic(channel.address), own ? fills : looks)
      continue
    }
    beside(channel.address, 'parked', group)
    // Events are never delayed.
    if (channel.kind === 'point-to-point') delays(channel.address)
    for (const aside of [deadLetterChannel(channel, group), invalidMessageChannel(channel, group)])
      may('topic', names.topic(aside.address), fills)
  }
  for (const use of participation.sends) {
    topic(use, [...looks, 'Write'])
    if (use.durable) delays(use.channel.address)
    else may('topic', names.topic(use.channel.address), looks)
  }
  if (participation.asks || participation.answers) may('topic', names.inboxes, makes)
  if (participation.answers) may('topic', names.topic('reply.'), ['Describe', 'Write'], 'prefixed')

  const acls = [...all.values()].map(({ operations, ...acl }) => ({ ...acl, operations: [...operations].sort() }))
  const server = settings.brokers.map(({ host, port }) => `${host}:${port}`).join(',')
  return {
    lines: acls.map(({ resource, name, pattern, operations }) =>
      [
        `kafka-acls.sh --bootstrap-server ${server} --add --allow-principal 'User:${user}'`,
        ...operations.map((operation) => `--operation ${operation}`),
        `--${resource} '${name}'`,
        ...(pattern === 'prefixed' ? ['--resource-pattern-type prefixed'] : []),
      ].join(' '),
    ),
    value: { acls },
    notes: ['Inboxes share one topic: every service that asks or answers may read and write it.'],
  }
}
