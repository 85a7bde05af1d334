import type { Link } from '../link/link.ts'
import { ByteReader, ByteWriter } from '../protocol/bytes.ts'
import { KafkaFault } from '../protocol/codes.ts'
import type { Aborted } from '../protocol/records.ts'
import type { FetchPart, FetchSession } from './session.ts'

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

/** Reads several partitions of one broker at once: committed records only. With a session only what is new is said, both ways. */
export async function fetch(link: Link, wanted: readonly FetchPart[], limits: FetchLimits, session?: FetchSession): Promise<Fetched[]> {
  const connection = link.ready ?? (await link.connect())
  const { id, epoch, parts, gone } = session?.change(wanted) ?? { id: 0, epoch: -1, parts: wanted, gone: [] }
  const to = new ByteWriter(64 + (parts.length + gone.length) * 48)
  to.i32(-1).i32(limits.wait).i32(1).i32(limits.bytes).i8(1).i32(id).i32(epoch)
  to.array([...byTopic(parts)], ([topic, some]) => {
    to.text(topic).array(some, ({ partition, from }) => to.i32(partition).i32(-1).i64(from).i64(-1).i32(limits.partitionBytes))
  })
  to.array([...byTopic(gone)], ([topic, some]) => {
    to.text(topic).array(some, ({ partition }) => to.i32(partition))
  })
  try {
    const answer = await link.send(connection, fetchKey, fetchVersion, [to.take()], read)
    if (session !== undefined) session.answered(answer.code, answer.session)
    else if (answer.code !== 0) throw new KafkaFault(answer.code, 'a fetch')
    return answer.found
  } catch (error) {
    session?.lost()
    throw error
  }
}

function byTopic(parts: readonly FetchPart[]): Map<string, FetchPart[]> {
  const found = new Map<string, FetchPart[]>()
  for (const part of parts) {
    const some = found.get(part.topic)
    if (some) some.push(part)
    else found.set(part.topic, [part])
  }
  return found
}

function read(bytes: Buffer, at: number): { code: number; session: number; found: Fetched[] } {
  const from = new ByteReader(bytes, at)
  from.i32()
  const code = from.i16()
  const session = from.i32()
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
  return { code, session, found }
}
