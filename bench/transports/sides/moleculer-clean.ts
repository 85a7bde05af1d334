import { Admin } from '@platformatic/kafka'
import amqp from 'amqplib'

/** Deletes what Moleculer leaves behind under its prefix; the queues of its nodes would stay for two minutes. */
export async function clean(url: string, prefix: string): Promise<void> {
  if (!url.startsWith('amqp:')) return cleanKafka(url, prefix)
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  for (const queue of ['REQB.orders.ask', 'REQB.$node.list', 'EVENTB.orders.orders.take']) await channel.deleteQueue(`${prefix}.${queue}`)
  for (const action of ['services', 'actions', 'events', 'health', 'options', 'metrics'])
    await channel.deleteQueue(`${prefix}.REQB.$node.${action}`)
  for (const node of ['caller', 'server'])
    for (const kind of ['EVENT', 'REQ', 'RES']) await channel.deleteQueue(`${prefix}.${kind}.${node}`)
  for (const exchange of ['DISCOVER', 'INFO', 'DISCONNECT', 'HEARTBEAT', 'PING']) await channel.deleteExchange(`${prefix}.${exchange}`)
  await connection.close()
}

async function cleanKafka(url: string, prefix: string): Promise<void> {
  const admin = new Admin({ clientId: prefix, bootstrapBrokers: [new URL(url).host] })
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(`${prefix}.`))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  await admin.close()
}
