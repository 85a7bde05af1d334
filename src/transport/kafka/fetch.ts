import { ByteReader, ByteWriter } from './bytes.ts'
import type { Link } from './link.ts'
import type { Aborted } from './records.ts'

export interface FetchPart {
  readonly topic: string
  readonly partition: number
  readonly from: number
}

export interface Fetched {
  readonly topic: string
  readonly partition: number
  readonly code: number
  /** The end of what may be read now. */
  readonly end: number
  /** The first offset that is still kept. */
  readonly start: number
  readonly aborted: readonly Aborted[]
  readonly bytes: Buffer
}

export interface FetchLimits {
  /** Milliseconds that the broker may wait where there is nothing. */
  readonly wait: number
  readonly bytes: number
  readonly partitionBytes: number
}

const fetchKey = 1
const fetchVersion = 10

/** Reads several partitions of one broker at once: committed records only. */
export async function fetch(link: Link, parts: readonly FetchPart[], { wait, bytes, partitionBytes }: FetchLimits): Promise<Fetched[]> {
  const byTopic = new Map<string, FetchPart[]>()
  for (const part of parts) {
    const some = byTopic.get(part.topic)
    if (some) some.push(part)
    else byTopic.set(part.topic, [part])
  }
  const to = new ByteWriter(64 + parts.length * 48)
  to.i32(-1).i32(wait).i32(1).i32(bytes).i8(1).i32(0).i32(-1)
  to.array([...byTopic], ([topic, some]) => {
    to.text(topic).array(some, ({ partition, from }) => to.i32(partition).i32(-1).i64(from).i64(-1).i32(partitionBytes))
  })
  to.i32(0)
  const connection = link.ready ?? (await link.connect())
  return link.send(connection, fetchKey, fetchVersion, [to.take()], read)
}

function read(bytes: Buffer, at: number): Fetched[] {
  const from = new ByteReader(bytes, at)
  from.i32()
  const whole = from.i16()
  from.i32()
  const found = from
    .array(() => {
      const topic = from.text()
      return from.array((): Fetched => {
        const partition = from.i32()
        const code = from.i16()
        from.i64()
        const end = from.i64()
        const start = from.i64()
        const aborted = from.array(() => ({ producer: from.i64(), first: from.i64() }))
        return { topic, partition, code, end, start, aborted, bytes: from.bytes() }
      })
    })
    .flat()
  return whole === 0 ? found : found.map((one) => ({ ...one, code: whole }))
}
