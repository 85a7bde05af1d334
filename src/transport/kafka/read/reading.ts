import type { Log, LogReader } from '../../shared/log.ts'
import type { Cluster } from '../link/cluster.ts'
import { codes, KafkaFault, LinkFault } from '../protocol/codes.ts'
import { messageIn } from '../protocol/envelope.ts'
import { type Decompress, type Raw, readRecords } from '../protocol/records.ts'
import { fetch } from './fetch.ts'
import type { Fetcher } from './fetcher.ts'

/** A partition as the log of a shard. `lost`: what lay between the offsets was deleted before it was read. */
export function partitionLog(
  fetcher: Fetcher,
  topic: string,
  partition: number,
  lost: (from: number, start: number) => void,
  rewound: () => void = () => undefined,
): Log {
  let release = (): void => undefined
  return {
    open(from: number, reader: LogReader) {
      release = fetcher.read(topic, partition, from, {
        take: (records, next) =>
          reader.take(
            records.map((record) => ({ position: record.offset, message: messageIn(record, topic, partition) })),
            next,
          ),
        full: () => reader.full(),
        failed: (error) => reader.failed(error),
        lost,
        rewound,
      })
    },
    more: () => fetcher.more(),
    close: async () => release(),
  }
}

/** Everything that lies in the partitions now, and where each ends. */
export async function readAll(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  decompress: Decompress,
): Promise<Map<number, { readonly records: Raw[]; readonly end: number }>> {
  const [ends, starts] = await Promise.all([cluster.offsets(topic, partitions), cluster.offsets(topic, partitions, -2)])
  const found = new Map(partitions.map((partition, index) => [partition, { records: [] as Raw[], end: ends[index] ?? 0 }]))
  const at = new Map(partitions.map((partition, index) => [partition, starts[index] ?? 0]))
  for (;;) {
    const open = partitions.filter((partition) => (at.get(partition) as number) < (found.get(partition) as { end: number }).end)
    if (open.length === 0) return found
    await cluster.patiently(async () => {
      const known = await cluster.learn(topic)
      const byNode = new Map<number, number[]>()
      for (const partition of open) {
        const leader = known?.leaders[partition] ?? -1
        byNode.set(leader, [...(byNode.get(leader) ?? []), partition])
      }
      for (const [node, some] of byNode) {
        const parts = some.map((partition) => ({ topic, partition, from: at.get(partition) as number }))
        const limits = { wait: 100, bytes: 8 * 1024 * 1024, partitionBytes: 1024 * 1024 }
        for (const { partition, code, bytes, aborted } of await fetch(cluster.shared(node), parts, limits)) {
          if (code !== 0) {
            cluster.forget(topic)
            throw new KafkaFault(code === codes.OFFSET_OUT_OF_RANGE ? codes.UNKNOWN_SERVER_ERROR : code, `${topic}/${partition}`)
          }
          const { records, next } = readRecords(bytes, at.get(partition) as number, aborted, decompress)
          const { end, records: all } = found.get(partition) as { records: Raw[]; end: number }
          for (const record of records) if (record.offset < end) all.push(record)
          at.set(partition, next)
        }
      }
    })
  }
}

/** Up to `limit` records from `from` on, and where to read on; fewer where the partition ends or an answer did. */
export async function readSome(
  cluster: Cluster,
  topic: string,
  partition: number,
  from: number,
  decompress: Decompress,
  partitionBytes = 256 * 1024,
): Promise<{ readonly records: Raw[]; readonly next: number }> {
  return cluster.patiently(async () => {
    const leader = (await cluster.learn(topic))?.leaders[partition] ?? -1
    if (leader < 0) {
      cluster.forget(topic)
      throw new KafkaFault(codes.LEADER_NOT_AVAILABLE, `${topic}/${partition}`)
    }
    const limits = { wait: 0, bytes: partitionBytes, partitionBytes }
    const [answer] = await fetch(cluster.shared(leader), [{ topic, partition, from }], limits)
    if (answer === undefined) throw new LinkFault(`${topic}/${partition} was not answered`)
    if (answer.code === codes.OFFSET_OUT_OF_RANGE) return { records: [], next: from }
    if (answer.code !== 0) {
      cluster.forget(topic)
      throw new KafkaFault(answer.code, `${topic}/${partition}`)
    }
    return readRecords(answer.bytes, from, answer.aborted, decompress)
  })
}

/** The record at an offset. Rejects where it is gone. */
export async function readOne(cluster: Cluster, topic: string, partition: number, offset: number, decompress: Decompress): Promise<Raw> {
  const { records } = await readSome(cluster, topic, partition, offset, decompress, 64 * 1024)
  const found = records.find((record) => record.offset === offset)
  if (found === undefined) throw new KafkaFault(codes.OFFSET_OUT_OF_RANGE, `${topic}/${partition} at ${offset}`)
  return found
}
