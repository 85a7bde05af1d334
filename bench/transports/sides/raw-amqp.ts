/*
 * By hand on amqplib: a durable queue a shard, persistent messages with CloudEvents headers, a window of unconfirmed ones; one
 * channel that consumes all queues and acknowledges what was handled together, once a turn. Questions take direct reply-to.
 */
import { randomUUID } from 'node:crypto'
import amqp, { type ConsumeMessage, type Options } from 'amqplib'
import { order, validate, validatePlaced } from '../../core/work.ts'
import { type Run, type Side, shardOf, queues as shards, window } from '../side.ts'

const replyTo = 'amq.rabbitmq.reply-to'
/** Of each queue, as Pabal's default. */
const prefetch = 200

export async function open({ url, name }: Run): Promise<Side> {
  const connection = await amqp.connect(url, { noDelay: true })
  const sender = await connection.createConfirmChannel()
  const receiver = await connection.createChannel()
  const queues = Array.from({ length: shards }, (_, i) => `${name}.raw.${i}`)
  const questions = `${name}.raw.ask`
  const asked = new Map<string, (message: ConsumeMessage) => void>()
  let listening: Promise<void> | undefined
  let listens = false

  const envelope = (type: string, key: string): Options.Publish => ({
    contentType: 'application/json',
    headers: {
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': randomUUID(),
      'cloudEvents:source': 'raw',
      'cloudEvents:type': type,
      'cloudEvents:time': new Date().toISOString(),
      'cloudEvents:kind': 'notification',
      'cloudEvents:typeversion': '1',
      'cloudEvents:partitionkey': key,
    },
  })

  return {
    async prepare() {
      for (const queue of queues) await receiver.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    },
    async produce(from, to) {
      let unconfirmed = 0
      let failed: unknown
      let wake: (() => void) | undefined
      const confirmed = (error: unknown): void => {
        failed ??= error
        if (--unconfirmed <= window / 2) wake?.()
      }
      for (let i = from; i < to; i++) {
        if (unconfirmed >= window) await new Promise<void>((resolve) => (wake = resolve))
        const value = validate(order(i))
        const options = envelope('take', value.orderId)
        options.persistent = true
        sender.publish('', queues[shardOf(value.orderId, shards)] as string, Buffer.from(JSON.stringify(value)), options, confirmed)
        unconfirmed++
      }
      await sender.waitForConfirms()
      if (failed) throw failed
    },
    async consume(handle) {
      let last: ConsumeMessage | undefined
      const acknowledge = (): void => {
        if (last) receiver.ack(last, true)
        last = undefined
      }
      const take = (message: ConsumeMessage | null): void => {
        if (message === null) throw new Error('the consumer was cancelled')
        if (message.properties.headers?.['cloudEvents:type'] !== 'take') throw new Error('unknown type')
        validate(JSON.parse(message.content.toString('utf8')))
        const done = handle()
        if (done) return
        if (last === undefined) setImmediate(acknowledge)
        last = message
      }
      await receiver.prefetch(prefetch)
      for (const queue of queues) await receiver.consume(queue, take)
    },
    async answer() {
      await receiver.assertQueue(questions, { durable: false, autoDelete: true })
      await receiver.consume(
        questions,
        (message) => {
          if (message === null) throw new Error('the consumer was cancelled')
          const { orderId } = validate(JSON.parse(message.content.toString('utf8')))
          const options = envelope('ask.Placed', orderId)
          options.correlationId = message.properties.correlationId
          receiver.sendToQueue(message.properties.replyTo, Buffer.from(JSON.stringify(validatePlaced({ orderId }))), options)
        },
        { noAck: true },
      )
    },
    async ask(i) {
      if (!listens) await (listening ??= listen())
      const value = validate(order(i))
      const options = envelope('ask', value.orderId)
      options.correlationId = (options.headers as Record<string, string>)['cloudEvents:id'] as string
      options.replyTo = replyTo
      options.mandatory = true
      const answer = new Promise<ConsumeMessage>((resolve) => asked.set(options.correlationId as string, resolve))
      receiver.sendToQueue(questions, Buffer.from(JSON.stringify(value)), options)
      validatePlaced(JSON.parse((await answer).content.toString('utf8')))
    },
    async close() {
      await connection.close()
    },
    async remove() {
      for (const queue of [...queues, questions]) await receiver.deleteQueue(queue)
    },
  }

  async function listen(): Promise<void> {
    await receiver.consume(
      replyTo,
      (message) => {
        if (message === null) throw new Error('the consumer was cancelled')
        const id = message.properties.correlationId
        asked.get(id)?.(message)
        asked.delete(id)
      },
      { noAck: true },
    )
    listens = true
  }
}
