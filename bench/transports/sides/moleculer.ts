/*
 * Moleculer: two nodes that know each other through the transporter. Over RabbitMQ its events take the broker's queues
 * (`disableBalancer`), are acknowledged after the handler, and are sent without confirms; over Kafka a produce request each, acks=1.
 */
import { ServiceBroker } from 'moleculer'
import { order, validate, validatePlaced } from '../../core/work.ts'
import { type Run, type Side, window, windowed } from '../side.ts'
import { clean } from './moleculer-clean.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const amqp = url.startsWith('amqp:')
  const transporter = amqp
    ? { type: 'AMQP', options: { url, socketOptions: { noDelay: true }, prefetch: window, messageOptions: { persistent: true } } }
    : { type: 'Kafka', options: { bootstrapBrokers: [new URL(url).host] } }
  let node: ServiceBroker | undefined
  let caller: Promise<ServiceBroker> | undefined

  async function start(service?: { readonly take?: () => void | Promise<void> }): Promise<ServiceBroker> {
    const nodeID = service === undefined ? 'caller' : 'server'
    const broker = new ServiceBroker({ nodeID, namespace: name, transporter: transporter as never, disableBalancer: amqp, logger: false })
    if (service) {
      const { take } = service
      broker.createService({
        name: 'orders',
        ...(take && {
          events: {
            'orders.take': async ({ params }: { params: unknown }) => {
              validate(params)
              await take()
            },
          },
        }),
        actions: { ask: ({ params }: { params: unknown }) => validatePlaced({ orderId: validate(params).orderId }) },
      })
    }
    await broker.start()
    node = broker
    if (service === undefined) {
      await broker.waitForServices('orders')
      // It knows the server before the server's answers reach it: the answer to a question asked at once can be lost (0.15.2).
      await new Promise((resolve) => setTimeout(resolve, 2000))
    }
    return broker
  }

  return {
    prepare: async () => {},
    async produce(from, to) {
      const broker = await (caller ??= start())
      let sent = 0
      await windowed(from, to, window, async (i) => {
        await broker.emit('orders.take', validate(order(i)))
        // Nothing says when it was taken: at least the socket's turn comes.
        if (++sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
      })
    },
    async consume(take) {
      await start({ take })
    },
    async answer() {
      await start({})
    },
    async ask(i) {
      const broker = node ?? (await (caller ??= start()))
      validatePlaced(await broker.call('orders.ask', validate(order(i))))
    },
    async close() {
      await node?.stop()
    },
    remove: () => clean(url, `MOL-${name}`),
  }
}
