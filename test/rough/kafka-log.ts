import type { Consumer, RecordsBatch } from '@platformatic/kafka'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Log } from '../../src/transport/shared/owned-shard.ts'
import { unpack } from './wire.ts'

export interface Raw {
  readonly offset: number
  readonly key: string
  readonly value: Buffer
}

interface Slot {
  at: number
  readonly records: Raw[]
  wake: (() => void) | undefined
}

/**
 * Reads partitions of one topic by offset, all of them with one request at a time. A connection answers its requests in turn,
 * so a long wait for each partition would add up.
 */
export class Fetcher {
  readonly #consumer: Consumer
  readonly #topic: string
  readonly #slots = new Map<number, Slot>()
  #looping = false
  #closed = false

  constructor(consumer: Consumer, topic: string) {
    this.#consumer = consumer
    this.#topic = topic
  }

  /** The end of each of the partitions. */
  async ends(count: number): Promise<number[]> {
    const partitions = Array.from({ length: count }, (_, n) => n)
    let found = new Map<string, bigint[]>()
    // The leaders of a new topic may not know yet that they lead.
    for (let tries = 1; found.size === 0; tries++) {
      found = await this.#consumer
        .listOffsets({ topics: [this.#topic], partitions: { [this.#topic]: partitions } })
        .catch(async (error: unknown) => {
          if (tries === 30 || this.#closed) throw error
          await new Promise<void>((resolve) => void systemRuntime.timer(50, resolve))
          return new Map()
        })
    }
    return partitions.map((n) => Number(found.get(this.#topic)?.[n] ?? 0n))
  }

  async *raw(partition: number, from: number): AsyncGenerator<Raw> {
    const slot: Slot = { at: from, records: [], wake: undefined }
    this.#slots.set(partition, slot)
    if (!this.#looping) void this.#loop()
    while (this.#slots.get(partition) === slot) {
      const next = slot.records.shift()
      if (next) yield next
      else
        await new Promise<void>((resolve) => {
          slot.wake = resolve
        })
    }
  }

  release(partition: number): void {
    const slot = this.#slots.get(partition)
    this.#slots.delete(partition)
    slot?.wake?.()
  }

  log(partition: number): Log {
    const raw = (from: number) => this.raw(partition, from)
    return {
      async *read(from) {
        for await (const { offset, value } of raw(from)) yield { position: offset, message: unpack(value) }
      },
      close: async () => this.release(partition),
    }
  }

  async #loop(): Promise<void> {
    this.#looping = true
    while (this.#slots.size > 0 && !this.#closed) {
      const hungry = [...this.#slots].filter(([, slot]) => slot.records.length < 200)
      const failed =
        hungry.length === 0 ||
        (await this.#fetch(hungry).then(
          () => false,
          () => true,
        ))
      if (failed) await new Promise<void>((resolve) => void systemRuntime.timer(20, resolve, true))
    }
    this.#looping = false
  }

  async #fetch(hungry: [number, Slot][]): Promise<void> {
    const metadata = await this.#consumer.metadata({ topics: [this.#topic] })
    const topic = metadata.topics.get(this.#topic) as { id: string; partitions: { leader: number }[] }
    const asked = new Map(hungry.map(([partition, slot]) => [partition, { slot, from: slot.at }]))
    const response = await this.#consumer.fetch({
      node: topic.partitions[0]?.leader ?? 1,
      maxWaitTime: 50,
      minBytes: 1,
      maxBytes: 8_000_000,
      topics: [
        {
          topicId: topic.id,
          partitions: Array.from(asked, ([partition, { from }]) => ({
            partition,
            currentLeaderEpoch: -1,
            fetchOffset: BigInt(from),
            lastFetchedEpoch: -1,
            partitionMaxBytes: 2_000_000,
          })),
        },
      ],
    })
    for (const { partitionIndex, records } of response.responses[0]?.partitions ?? []) {
      const { slot, from } = asked.get(partitionIndex) as { slot: Slot; from: number }
      for (const batch of (records ?? []) as RecordsBatch[]) {
        for (const record of batch.records) {
          const offset = Number(batch.firstOffset) + record.offsetDelta
          // A batch is given whole, also where it begins before what was asked for.
          if (offset < from || offset < slot.at) continue
          slot.records.push({ offset, key: String(record.key), value: record.value ?? Buffer.alloc(0) })
          slot.at = offset + 1
        }
      }
      slot.wake?.()
      slot.wake = undefined
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const partition of [...this.#slots.keys()]) this.release(partition)
    await Promise.resolve(this.#consumer.close(true)).catch(() => undefined)
  }
}
