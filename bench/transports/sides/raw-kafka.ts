/*
 * By hand on @platformatic/kafka: an idempotent producer (acks=all) that sends batches, two of them under way; a member of a group with
 * a fetch loop, the next fetch under way while one is handled, and a commit after each. Questions take transient topics with acks=1:
 * what is asked in one turn is one batch, and each asker reads its own partition of a shared topic of replies.
 */
import { randomUUID } from 'node:crypto'
import { Admin, Consumer, type MessageToProduce, Producer, type RecordsBatch } from '@platformatic/kafka'
import { order, validate, validatePlaced } from '../../core/work.ts'
import { keyOf, type Run, type Side, shardOf, shards, window } from '../side.ts'

type Record = RecordsBatch['records'][number]
const text = (name: string): Buffer => Buffer.from(name)
const header = {
  version: text('ce_specversion'),
  id: text('ce_id'),
  source: text('ce_source'),
  type: text('ce_type'),
  time: text('ce_time'),
  kind: text('ce_kind'),
  typeversion: text('ce_typeversion'),
  key: text('ce_partitionkey'),
  content: text('content-type'),
  correlation: text('ce_correlationid'),
  reply: text('ce_replyto'),
}
const one = text('1')
const json = text('application/json')

export async function open({ url, name }: Run): Promise<Side> {
  const base = { clientId: name, bootstrapBrokers: [new URL(url).host] }
  const admin = new Admin(base)
  const producer = new Producer({ ...base, idempotent: true })
  const light = new Producer({ ...base, acks: 1 })
  const consumer = new Consumer({ ...base, groupId: name, autocommit: false })
  const topic = `${name}.raw`
  const questions = `${topic}.ask`
  const replies = `${topic}.replies`
  const asked = new Map<string, (record: Record) => void>()
  const mine = String(process.pid % shards)
  let closed = false
  let listening: Promise<void> | undefined
  let listens = false

  const headersOf = (type: string, key: string, id: string = randomUUID()): Map<Buffer, Buffer> =>
    new Map([
      [header.version, text('1.0')],
      [header.id, text(id)],
      [header.source, text('raw')],
      [header.type, text(type)],
      [header.time, text(new Date().toISOString())],
      [header.kind, text('notification')],
      [header.typeversion, one],
      [header.key, text(key)],
      [header.content, json],
    ])
  const found = ({ headers }: Record, wanted: Buffer): string => {
    for (const [name, value] of headers) if (name?.equals(wanted)) return String(value)
    throw new Error(`no header ${wanted}`)
  }

  /** What is sent in one turn, in one request. */
  let waiting: MessageToProduce[] = []
  const lightly = (message: MessageToProduce): void => {
    if (waiting.push(message) > 1) return
    queueMicrotask(() => {
      const messages = waiting
      waiting = []
      void light.send({ messages })
    })
  }

  /** Reads partitions from positions on; the next fetch is under way while a batch is taken. */
  async function read(from: string, at: Map<number, bigint>, take: (record: Record) => void, read?: () => void): Promise<void> {
    const metadata = await consumer.metadata({ topics: [from] })
    const topicId = metadata.topics.get(from)?.id as string
    const node = metadata.topics.get(from)?.partitions[0]?.leader as number
    const next = () =>
      consumer.fetch({
        node,
        maxWaitTime: 500,
        minBytes: 1,
        maxBytes: window * 700,
        topics: [
          {
            topicId,
            partitions: Array.from(at, ([partition, fetchOffset]) => ({
              partition,
              currentLeaderEpoch: -1,
              fetchOffset,
              lastFetchedEpoch: -1,
              partitionMaxBytes: 256 * 1024,
            })),
          },
        ],
      })
    let fetching = next()
    while (!closed) {
      const { responses } = await fetching
      const batches: [bigint, RecordsBatch][] = []
      for (const { partitionIndex, records } of responses[0]?.partitions ?? [])
        for (const batch of (records ?? []) as RecordsBatch[]) {
          // A batch comes whole, also where a part of it was asked for before.
          batches.push([at.get(partitionIndex) as bigint, batch])
          at.set(partitionIndex, batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n)
        }
      fetching = next()
      fetching.catch(() => undefined)
      for (const [start, batch] of batches)
        for (const record of batch.records) if (batch.firstOffset + BigInt(record.offsetDelta) >= start) take(record)
      if (batches.length > 0) read?.()
    }
  }

  const ends = async (of: string): Promise<Map<number, bigint>> => {
    const partitions = Array.from({ length: shards }, (_, i) => i)
    const offsets = (await consumer.listOffsets({ topics: [of], partitions: { [of]: partitions } })).get(of) as bigint[]
    return new Map(offsets.map((offset, partition) => [partition, offset]))
  }

  return {
    async prepare() {
      const topics = [topic, questions, replies]
      await admin.createTopics({ topics, partitions: shards, replicas: 1 })
      for (const one of topics)
        for (let tries = 0; ; tries++) {
          if (
            await ends(one).then(
              () => true,
              () => tries > 100,
            )
          )
            break
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
    },
    async produce(from, to) {
      const underWay = new Set<Promise<unknown>>()
      for (let sent = from; sent < to; ) {
        const messages: MessageToProduce[] = []
        for (const end = Math.min(to, sent + window / 2); sent < end; sent++) {
          const value = validate(order(sent))
          messages.push({
            topic,
            partition: shardOf(value.orderId),
            key: text(value.orderId),
            value: text(JSON.stringify(value)),
            headers: headersOf('take', value.orderId),
          })
        }
        const sending: Promise<unknown> = producer.send({ messages }).then(() => underWay.delete(sending))
        underWay.add(sending)
        if (underWay.size > 1) await Promise.race(underWay)
      }
      await Promise.all(underWay)
    },
    async consume(handle) {
      consumer.topics.track(topic)
      await consumer.joinGroup()
      const at = new Map(Array.from({ length: shards }, (_, i) => [i, 0n]))
      let committing: Promise<void> | undefined
      const commit = (): void => {
        committing ??= consumer
          .commit({ offsets: Array.from(at, ([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 })) })
          .finally(() => (committing = undefined))
      }
      void read(
        topic,
        at,
        (record) => {
          if (found(record, header.type) !== 'take') throw new Error('unknown type')
          validate(JSON.parse(String(record.value)))
          void handle()
        },
        commit,
      )
    },
    async answer() {
      void read(questions, await ends(questions), (record) => {
        const { orderId } = validate(JSON.parse(String(record.value)))
        const headers = headersOf('ask.Placed', orderId)
        headers.set(header.correlation, text(found(record, header.correlation)))
        const value = text(JSON.stringify(validatePlaced({ orderId })))
        lightly({ topic: replies, partition: Number(found(record, header.reply)), value, headers })
      })
    },
    async ask(i) {
      if (!listens) await (listening ??= listen())
      const value = validate(order(i))
      const id = randomUUID()
      const headers = headersOf('ask', value.orderId, id)
      headers.set(header.correlation, text(id))
      headers.set(header.reply, text(mine))
      const answer = new Promise<Record>((resolve) => asked.set(id, resolve))
      lightly({ topic: questions, partition: shardOf(keyOf(i)), key: text(value.orderId), value: text(JSON.stringify(value)), headers })
      validatePlaced(JSON.parse(String((await answer).value)))
    },
    async close() {
      closed = true
      for (const one of [producer, light, admin]) await one.close()
      await consumer.close(true)
    },
    async remove() {
      await admin.deleteTopics({ topics: [topic, questions, replies] })
      await admin.deleteGroups({ groups: [name] }).catch(() => undefined)
    },
  }

  async function listen(): Promise<void> {
    const at = new Map([[Number(mine), (await ends(replies)).get(Number(mine)) as bigint]])
    void read(replies, at, (record) => {
      const id = found(record, header.correlation)
      asked.get(id)?.(record)
      asked.delete(id)
    })
    listens = true
  }
}
