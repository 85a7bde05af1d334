/* rabbitmq-client: its Publisher with confirms, its Consumer, which acknowledges after the handler, and its RPCClient (direct reply-to). */
import { Connection } from 'rabbitmq-client'
import { order, validate, validatePlaced } from '../../core/work.ts'
import { type Run, type Side, window, windowed } from '../side.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const connection = new Connection(url)
  const queue = `${name}.client`
  const questions = `${queue}.ask`
  const durable = { durable: true, arguments: { 'x-queue-type': 'quorum' as const } }
  const closing: { close(): Promise<unknown> }[] = []
  const kept = <T extends { close(): Promise<unknown> }>(one: T): T => {
    closing.push(one)
    return one
  }
  let publisher: ReturnType<Connection['createPublisher']> | undefined
  let rpc: ReturnType<Connection['createRPCClient']> | undefined

  return {
    async prepare() {
      await connection.queueDeclare({ queue, ...durable })
    },
    async produce(from, to) {
      const { send } = (publisher ??= kept(connection.createPublisher({ confirm: true })))
      const envelope = { routingKey: queue, durable: true }
      await windowed(from, to, window, (i) => send(envelope, validate(order(i))))
    },
    async consume(handle) {
      const consumer = kept(
        connection.createConsumer({ queue, queueOptions: durable, qos: { prefetchCount: window } }, async ({ body }) => {
          validate(body)
          await handle()
        }),
      )
      await new Promise<void>((resolve) => consumer.on('ready', resolve))
    },
    async answer() {
      const options = { queue: questions, queueOptions: { durable: false, autoDelete: true }, noAck: true }
      const consumer = kept(
        connection.createConsumer(options, async ({ body }, reply) => {
          await reply(validatePlaced({ orderId: validate(body).orderId }))
        }),
      )
      await new Promise<void>((resolve) => consumer.on('ready', resolve))
    },
    async ask(i) {
      rpc ??= kept(connection.createRPCClient())
      validatePlaced((await rpc.send(questions, validate(order(i)))).body)
    },
    async close() {
      for (const one of closing) await one.close()
      await connection.close()
    },
    async remove() {
      for (const one of [queue, questions]) await connection.queueDelete({ queue: one })
    },
  }
}
