import type { Cluster } from '../link/cluster.ts'
import { own, ownHeader } from '../protocol/envelope.ts'
import type { Decompress, Raw } from '../protocol/records.ts'
import { readAll } from '../read/reading.ts'

export interface Delayed {
  readonly partition: number
  readonly record: Raw
  readonly due: number
}

/** What is not due yet, by partition and then in the order of sending. */
export async function delayedOf(cluster: Cluster, topic: string, decompress: Decompress): Promise<Delayed[]> {
  await cluster.refresh([topic])
  const partitions = cluster.topic(topic)?.leaders.length
  if (partitions === undefined) return []
  const all = await readAll(
    cluster,
    topic,
    Array.from({ length: partitions }, (_, n) => n),
    decompress,
  )
  const found: Delayed[] = []
  for (const [partition, { records }] of all) {
    const open = new Map<string, Raw>()
    for (const record of records) {
      const key = record.key?.toString('utf8') ?? ''
      if (record.value === null) open.delete(key)
      else open.set(key, record)
    }
    for (const record of open.values()) found.push({ partition, record, due: Number(ownHeader(record, own.due) ?? 0) })
  }
  return found
}
