/* Pabal with its defaults: the contract and the service of the other suites, under a prefix of the run. */
import { Admin } from '@platformatic/kafka'
import amqp from 'amqplib'
import { connect, type Handlers } from 'pabal'
import { Bench } from '../../core/contract.ts'
import { order } from '../../core/work.ts'
import { type Run, type Side, shards, window, windowed } from '../side.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const kafka = url.startsWith('kafka:')
  const prefix = kafka ? `${name}.` : name
  const app = await connect(`${url}?prefix=${prefix}`)
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

async function cleanKafka(url: string, prefix: string): Promise<void> {
  const admin = new Admin({ clientId: prefix, bootstrapBrokers: [new URL(url).host] })
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  const groups = [...(await admin.listGroups({})).keys()].filter((group) => group.startsWith(prefix))
  if (groups.length > 0) await admin.deleteGroups({ groups }).catch(() => undefined)
  await admin.close()
}

/** AMQP lists no queues: these are the names that the adapter gives (docs). What is not there is deleted without a word. */
async function cleanAmqp(url: string, prefix: string): Promise<void> {
  const connection = await amqp.connect(url)
  const channel = await connection.createChannel()
  for (const address of ['bench', 'BenchOrder']) {
    const base = `${prefix}:${address}`
    for (const shard of [...Array.from({ length: shards }, (_, i) => i), 'unkeyed'])
      for (const end of ['', '/parked']) await channel.deleteQueue(`${base}/${shard}${end}`)
    for (const end of ['fence', 'transient']) await channel.deleteQueue(`${base}/${end}`)
    for (const exchange of [base, `${base}/transient`]) await channel.deleteExchange(exchange)
  }
  await connection.close()
}
