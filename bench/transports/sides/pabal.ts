/* Pabal with its defaults: the contract and the service of the other suites, under a prefix of the run. */
import { connect, type Handlers } from 'pabal'
import { amqp } from 'pabal/amqp'
import { Bench } from '../../core/contract.ts'
import { order } from '../../core/work.ts'
import { type Run, type Side, window, windowed } from '../side.ts'
import { cleanAmqp, cleanKafka, noting } from './pabal-clean.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const kafka = url.startsWith('kafka:')
  const prefix = kafka ? `${name}.` : name
  const address = `${url}?prefix=${prefix}`
  const app = await connect(kafka ? address : amqp({ url: address, driver: noting(prefix) }))
  const { bench } = app.clients({ bench: Bench }, { within: '30s' })
  const serve = (take: () => void | Promise<void>): Promise<unknown> => {
    const handlers: Handlers<Bench> = {
      take,
      place: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
      ask: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
    }
    return app.serve(Bench, handlers)
  }

  return {
    async prepare() {
      await serve(() => {})
    },
    produce: (from, to) => windowed(from, to, window, (i) => bench.take(order(i))),
    async consume(handle) {
      await serve(handle)
    },
    async answer() {
      await serve(() => {})
    },
    async ask(i) {
      await bench.ask(order(i))
    },
    async close() {
      await app.close()
    },
    async remove() {
      await app.close()
      await (kafka ? cleanKafka(url, prefix) : cleanAmqp(url, prefix))
    },
  }
}
