import amqplib from 'amqplib'
import type { AmqpChannel, AmqpConnection, AmqpDriver } from 'pabal/amqp'

/** The AMQP driver, which notes what is declared: AMQP lists neither queues nor exchanges. */
export function noting(note: (declared: string) => void): AmqpDriver {
  const watch = (channel: AmqpChannel): AmqpChannel => {
    const assertQueue = channel.assertQueue.bind(channel)
    const assertExchange = channel.assertExchange.bind(channel)
    channel.assertQueue = (queue, options) => {
      note(`queue ${queue}`)
      return assertQueue(queue, options)
    }
    channel.assertExchange = (exchange, type, options) => {
      note(`exchange ${exchange}`)
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

/** Deletes what was declared, as `noting` told of it. */
export async function wipeAmqp(url: string, declared: Iterable<string>): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createChannel()
  for (const line of new Set(declared)) {
    const name = line.slice(line.indexOf(' ') + 1)
    await (line.startsWith('queue') ? channel.deleteQueue(name) : channel.deleteExchange(name))
  }
  await connection.close()
}
