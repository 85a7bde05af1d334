/* NestJS microservices over RabbitMQ: persistent events to one durable queue, which its client confirms, acknowledged by the handler. */
import { type ClientProxy, ClientProxyFactory, type RmqContext, type RmqOptions, Transport } from '@nestjs/microservices'
import amqp from 'amqplib'
import { order, validate } from '../../core/work.ts'
import { type Run, type Side, window, windowed } from '../side.ts'
import { ask, emit, serve } from './nest.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const queue = `${name}.nest`
  const questions = `${queue}.ask`
  const durable = { durable: true, arguments: { 'x-queue-type': 'quorum' } }
  const transient = { durable: false, autoDelete: true }
  const options = (more: RmqOptions['options']): RmqOptions => ({ transport: Transport.RMQ, options: { urls: [url], ...more } })
  const closing: { close(): unknown }[] = []
  const client = (more: RmqOptions['options']): ClientProxy => {
    const made = ClientProxyFactory.create(options(more)) as ClientProxy
    closing.push(made)
    return made
  }
  let events: ClientProxy | undefined
  let asker: ClientProxy | undefined
  const broker = async (use: (channel: amqp.Channel) => Promise<unknown>): Promise<void> => {
    const connection = await amqp.connect(url)
    await use(await connection.createChannel())
    await connection.close()
  }

  return {
    prepare: () => broker((channel) => channel.assertQueue(queue, durable)),
    async produce(from, to) {
      const sender = (events ??= client({ queue, queueOptions: durable, persistent: true }))
      await windowed(from, to, window, (i) => emit(sender, 'take', validate(order(i))))
    },
    async consume(handle) {
      const receiving = options({ queue, queueOptions: durable, noAck: false, prefetchCount: window })
      closing.push(
        await serve(receiving, { take: 'take' }, handle, (context) => {
          const { getChannelRef, getMessage } = context as RmqContext
          getChannelRef.call(context).ack(getMessage.call(context))
        }),
      )
    },
    async answer() {
      closing.push(await serve(options({ queue: questions, queueOptions: transient }), { ask: 'ask' }, () => {}))
    },
    ask: (i) => ask((asker ??= client({ queue: questions, queueOptions: transient })), 'ask', i),
    async close() {
      for (const one of closing) await one.close()
    },
    remove: () =>
      broker(async (channel) => {
        for (const one of [queue, questions]) await channel.deleteQueue(one)
      }),
  }
}
