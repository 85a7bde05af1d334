/* kafkajs: an idempotent producer (acks=all) that sends batches, and `eachBatch`, which commits what was resolved. */
import './kafkajs-quiet.ts'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { order, validate } from '../../core/work.ts'
import { type Run, type Side, shardOf, shards, window } from '../side.ts'

export async function open({ url, name }: Run): Promise<Side> {
  const kafka = new Kafka({ clientId: name, brokers: [new URL(url).host], logLevel: logLevel.NOTHING })
  const topic = `${name}.kafkajs`
  const closing: { disconnect(): Promise<void> }[] = []
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
  let connected = false
  const admin = async <T>(use: (one: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
    const one = kafka.admin()
    await one.connect()
    try {
      return await use(one)
    } finally {
      await one.disconnect()
    }
  }

  return {
    async prepare() {
      await admin((one) => one.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: shards }] }))
    },
    async produce(from, to) {
      if (!connected) await producer.connect()
      connected = true
      const underWay = new Set<Promise<unknown>>()
      for (let sent = from; sent < to; ) {
        const messages: Message[] = []
        for (const end = Math.min(to, sent + window / 2); sent < end; sent++) {
          const value = validate(order(sent))
          messages.push({ key: value.orderId, partition: shardOf(value.orderId), value: JSON.stringify(value) })
        }
        const sending: Promise<unknown> = producer.send({ topic, messages }).then(() => underWay.delete(sending))
        underWay.add(sending)
        if (underWay.size > 1) await Promise.race(underWay)
      }
      await Promise.all(underWay)
    },
    async consume(handle) {
      const consumer = kafka.consumer({ groupId: name })
      closing.push(consumer)
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
      await consumer.run({
        eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary }) => {
          for (const message of batch.messages) {
            validate(JSON.parse(String(message.value)))
            const done = handle()
            if (done) await done
            resolveOffset(message.offset)
          }
          await commitOffsetsIfNecessary()
          await heartbeat()
        },
      })
      await joined
    },
    async close() {
      for (const one of closing) await one.disconnect()
      await producer.disconnect()
    },
    async remove() {
      await admin(async (one) => {
        await one.deleteTopics({ topics: [topic] })
        await one.deleteGroups([name]).catch(() => undefined)
      })
    },
  }
}
