import type { Channel } from '../../channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../../channel/names.ts'
import type { Participation, Rights } from '../rights.ts'
import { settingsOf } from './options.ts'
import { Names } from './topology/names.ts'

/**
 * The permissions of one service on RabbitMQ: `configure` for what it makes, `write` for what it publishes to and binds, `read` for what
 * it consumes and binds from. Throws what the URL is refused with.
 */
export function rightsOf(participation: Participation, url: string, user: string): Rights {
  const { prefix, vhost } = settingsOf({ url })
  const names = new Names(prefix)
  const configure = new Set<string>()
  const write = new Set<string>()
  const read = new Set<string>()
  /** An exchange with the queues of a group, or all of them. */
  const whole = (channel: Channel): string => `${literal(names.exchange(channel))}(/.*)?`
  const exchange = (channel: Channel, durable: boolean): string =>
    literal(channel.kind === 'point-to-point' || durable ? names.exchange(channel) : names.transientExchange(channel))
  const own = (pattern: string): void => {
    for (const set of [configure, write, read]) set.add(pattern)
  }
  // Of the environment: its settings, its members, the ladder of delays.
  own(`${literal(names.system(''))}(settings|fence|registry|shards=\\d+|members|member\\..*|due|delay\\.\\d+)`)
  // Queries, replies, parked messages and what members say to each other go straight to queues.
  write.add('amq\\.default')

  for (const { channel } of participation.owns) own(whole(channel))
  for (const { channel, group, durable, own: owned } of participation.reads) {
    if (owned) own(whole(channel))
    else {
      read.add(exchange(channel, durable))
      own(`${literal(names.group(channel, group ?? ''))}/.*`)
    }
    if (durable) for (const beside of [deadLetterChannel, invalidMessageChannel]) own(whole(beside(channel, group)))
  }
  for (const { channel, durable } of participation.sends) write.add(exchange(channel, durable))
  if (participation.answers) write.add(`${literal(names.exchange({ address: 'reply.', kind: 'point-to-point' }))}[A-Za-z][\\w-]*`)
  if (participation.asks) own(`${literal(names.inbox('inbox.'))}.*`)

  const permissions = { configure: oneOf(configure), write: oneOf(write), read: oneOf(read) }
  const place = vhost === '/' ? '' : `-p ${quoted(vhost)} `
  return {
    lines: [
      `rabbitmqctl set_permissions ${place}${quoted(user)} ${[permissions.configure, permissions.write, permissions.read].map(quoted).join(' ')}`,
    ],
    value: { vhost, ...permissions },
    notes: [
      'RabbitMQ has no permissions for single queues on its default exchange (amq.default): whoever may write there can put a message into any queue whose name it knows.',
    ],
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const oneOf = (patterns: ReadonlySet<string>): string => `^(${[...patterns].join('|')})$`
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
