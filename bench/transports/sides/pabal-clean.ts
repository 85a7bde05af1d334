import { Admin } from '@platformatic/kafka'
import amqplib from 'amqplib'
import type { AmqpChannel, AmqpConnection, AmqpDriver } from 'pabal/amqp'

/** What was declared under a prefix: AMQP lists no queues. */
const declared = new Map<string, Set<string>>()

/** The driver, which notes what is declared. */
export function noting(prefix: string): AmqpDriver {
  const names = declared.get(prefix) ?? new Set<string>()
  declared.set(prefix, names)
  const watch = (channel: AmqpChannel): AmqpChannel => {
    const assertQueue = channel.assertQueue.bind(channel)
    const assertExchange = channel.assertExchange.bind(channel)
    channel.assertQueue = (queue, options) => {
      names.add(`queue ${queue}`)
      return assertQueue(queue, options)
    }
    channel.assertExchange = (exchange, type, options) => {
      names.add(`exchange ${exchange}`)
      return assertExchange(exchange, type, options)
    }
    return channel
  }
  return {
    connect: async (address, socket) => {
      const connection = (await amqplib.connect(address, socket)) as unknown as AmqpConnection
      const createChannel = connection.createChannel.bind(connection)
      connection.createChannel = async () => watch(await createChannel())
      return connection
    },
  }
}

/** Deletes what this process declared under the prefix. */
export async function cleanAmqp(url: string, prefix: string): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createChannel()
  for (const line of declared.get(prefix) ?? []) {
    const name = line.slice(line.indexOf(' ') + 1)
    await (line.startsWith('queue') ? channel.deleteQueue(name) : channel.deleteExchange(name))
  }
  declared.delete(prefix)
  await connection.close()
}

export async function cleanKafka(url: string, prefix: string): Promise<void> {
  const admin = new Admin({ clientId: prefix, bootstrapBrokers: [new URL(url).host] })
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  const groups = [...(await admin.listGroups({})).keys()].filter((group) => group.startsWith(prefix))
  if (groups.length > 0) await admin.deleteGroups({ groups }).catch(() => undefined)
  await admin.close()
}
