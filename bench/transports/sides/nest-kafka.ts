/* NestJS microservices over Kafka (kafkajs inside): an event is a produce request with acks=all; offsets are committed after the handlers. */
import './kafkajs-quiet.ts'
import { type ClientKafka, ClientProxyFactory, type KafkaOptions, Transport } from '@nestjs/microservices'
import { Kafka, logLevel } from 'kafkajs'
import { order, validate } from '../../core/work.ts'
import { type Run, type Side, shards, window, windowed } from '../side.ts'
import { ask, emit, serve } from './nest.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const topic = `${name}.nest`
  const questions = `${topic}.ask`
  const topics = [topic, questions, `${questions}.reply`]
  const broker = { clientId: name, brokers: [new URL(url).host], logLevel: logLevel.NOTHING }
  const options = (groupId: string): KafkaOptions => ({
    transport: Transport.KAFKA,
    options: { client: broker, consumer: { groupId, allowAutoTopicCreation: false }, subscribe: { fromBeginning: true } },
  })
  const closing: { close(): unknown }[] = []
  let events: ClientKafka | undefined
  let asker: Promise<ClientKafka> | undefined
  const client = (): ClientKafka => {
    const made = ClientProxyFactory.create(options(`${name}-client`)) as unknown as ClientKafka
    closing.push(made)
    return made
  }
  const admin = async (use: (one: ReturnType<Kafka['admin']>) => Promise<unknown>): Promise<void> => {
    const one = new Kafka(broker).admin()
    await one.connect()
    await use(one)
    await one.disconnect()
  }
  const keyed = (value: unknown): unknown => ({ key: (value as { orderId: string }).orderId, value })

  return {
    prepare: () =>
      admin((one) => one.createTopics({ waitForLeaders: true, topics: topics.map((topic) => ({ topic, numPartitions: shards })) })),
    async produce(from, to) {
      const sender = (events ??= client())
      await windowed(from, to, window, (i) => emit(sender as never, topic, keyed(validate(order(i)))))
    },
    async consume(handle) {
      closing.push(await serve(options(name), { take: topic }, handle))
    },
    async answer() {
      closing.push(await serve(options(`${name}-ask`), { ask: questions }, () => {}))
    },
    async ask(i) {
      asker ??= (async () => {
        const made = client()
        made.subscribeToResponseOf(questions)
        await made.connect()
        return made
      })()
      await ask((await asker) as never, questions, i, keyed)
    },
    async close() {
      for (const one of closing) await one.close()
    },
    remove: () =>
      admin(async (one) => {
        await one.deleteTopics({ topics })
        for (const group of ['', '-ask', '-client'])
          await one.deleteGroups([`${name}${group}-server`, `${name}${group}-client`]).catch(() => undefined)
      }),
  }
}
