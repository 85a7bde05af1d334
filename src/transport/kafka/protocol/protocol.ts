import type { ByteReader, ByteWriter } from './bytes.ts'

/** One kind of request: which API and version, how it is written and how its answer is read. */
export interface Api<Ask, Answer> {
  readonly name: string
  readonly key: number
  readonly version: number
  write(to: ByteWriter, ask: Ask): void
  read(from: ByteReader): Answer
}

const api = <Ask, Answer>(
  name: string,
  key: number,
  version: number,
  write: (to: ByteWriter, ask: Ask) => void,
  read: (from: ByteReader) => Answer,
): Api<Ask, Answer> => ({ name, key, version, write, read })

/*
 * The versions are the oldest that say what is needed: brokers from 2.1 to 4.x know them.
 */

export const apiVersions = api(
  'ApiVersions',
  18,
  0,
  () => undefined,
  (from) => ({ code: from.i16(), apis: from.array(() => ({ key: from.i16(), min: from.i16(), max: from.i16() })) }),
)

export interface TopicMetadata {
  readonly code: number
  readonly name: string
  readonly partitions: readonly { readonly code: number; readonly index: number; readonly leader: number; readonly replicas: number }[]
}

/** `null`: all topics. Never makes one. */
export const metadata = api(
  'Metadata',
  3,
  5,
  (to, topics: readonly string[] | null) => {
    if (topics === null) to.i32(-1)
    else to.array(topics, (name) => to.text(name))
    to.bool(false)
  },
  (from) => {
    from.i32()
    const brokers = from.array(() => {
      const broker = { node: from.i32(), host: from.text(), port: from.i32() }
      from.nullableText()
      return broker
    })
    const cluster = from.nullableText()
    const controller = from.i32()
    const topics = from.array((): TopicMetadata => {
      const code = from.i16()
      const name = from.text()
      from.i8()
      const partitions = from.array(() => {
        const partition = { code: from.i16(), index: from.i32(), leader: from.i32(), replicas: from.array(() => from.i32()).length }
        from.array(() => from.i32())
        from.array(() => from.i32())
        return partition
      })
      return { code, name, partitions }
    })
    return { brokers, cluster, controller, topics }
  },
)

export const findCoordinator = api(
  'FindCoordinator',
  10,
  1,
  (to, group: string) => void to.text(group).i8(0),
  (from) => {
    from.i32()
    return { code: from.i16(), said: from.nullableText(), node: from.i32(), host: from.text(), port: from.i32() }
  },
)

/** Where a time lies in a partition: -1 is its end, -2 its beginning. */
export const listOffsets = api(
  'ListOffsets',
  2,
  2,
  (to, asked: ReadonlyMap<string, readonly { readonly partition: number; readonly time: number }[]>) => {
    to.i32(-1).i8(0)
    to.array([...asked], ([topic, partitions]) => {
      to.text(topic).array(partitions, ({ partition, time }) => to.i32(partition).i64(time))
    })
  },
  (from) => {
    from.i32()
    return from.array(() => ({
      topic: from.text(),
      partitions: from.array(() => ({ partition: from.i32(), code: from.i16(), time: from.i64(), offset: from.i64() })),
    }))
  },
)

export interface Commit {
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

export interface CommitAsk {
  readonly group: string
  /** -1 with an empty member: as nobody, which is refused as soon as the group has members. */
  readonly generation: number
  readonly member: string
  readonly topic: string
  readonly commits: readonly Commit[]
}

export const offsetCommit = api(
  'OffsetCommit',
  8,
  5,
  (to, { group, generation, member, topic, commits }: CommitAsk) => {
    to.text(group).i32(generation).text(member).i32(1).text(topic)
    to.array(commits, ({ partition, offset, metadata }) => to.i32(partition).i64(offset).text(metadata))
  },
  (from) => {
    from.i32()
    return from.array(() => {
      from.text()
      return from.array(() => ({ partition: from.i32(), code: from.i16() }))
    })
  },
)

/** All that the group has committed, or of one topic. `offset` -1: nothing. */
export const offsetFetch = api(
  'OffsetFetch',
  9,
  3,
  (to, { group, topic, partitions }: { group: string; topic: string; partitions: readonly number[] }) => {
    to.text(group).i32(1).text(topic)
    to.array(partitions, (partition) => to.i32(partition))
  },
  (from) => {
    from.i32()
    const topics = from.array(() => ({
      topic: from.text(),
      partitions: from.array(() => ({
        partition: from.i32(),
        offset: from.i64(),
        metadata: from.nullableText() ?? '',
        code: from.i16(),
      })),
    }))
    return { topics, code: from.i16() }
  },
)

export interface JoinAsk {
  readonly group: string
  readonly session: number
  readonly rebalance: number
  readonly member: string
  readonly protocol: string
  readonly metadata: Uint8Array
}

export const joinGroup = api(
  'JoinGroup',
  11,
  3,
  (to, { group, session, rebalance, member, protocol, metadata }: JoinAsk) => {
    to.text(group).i32(session).i32(rebalance).text(member).text('consumer')
    to.i32(1).text(protocol).bytes(metadata)
  },
  (from) => {
    from.i32()
    return {
      code: from.i16(),
      generation: from.i32(),
      protocol: from.nullableText(),
      leader: from.text(),
      member: from.text(),
      members: from.array(() => ({ member: from.text(), metadata: from.bytes() })),
    }
  },
)

export const syncGroup = api(
  'SyncGroup',
  14,
  2,
  (to, ask: { group: string; generation: number; member: string; assignments: readonly { member: string; bytes: Uint8Array }[] }) => {
    to.text(ask.group).i32(ask.generation).text(ask.member)
    to.array(ask.assignments, ({ member, bytes }) => to.text(member).bytes(bytes))
  },
  (from) => {
    from.i32()
    return { code: from.i16(), assignment: from.bytes() }
  },
)

export const heartbeat = api(
  'Heartbeat',
  12,
  2,
  (to, { group, generation, member }: { group: string; generation: number; member: string }) =>
    void to.text(group).i32(generation).text(member),
  (from) => {
    from.i32()
    return { code: from.i16() }
  },
)

export const leaveGroup = api(
  'LeaveGroup',
  13,
  2,
  (to, { group, member }: { group: string; member: string }) => void to.text(group).text(member),
  (from) => {
    from.i32()
    return { code: from.i16() }
  },
)

/** For a producer of its own; never transactional. */
export const initProducerId = api(
  'InitProducerId',
  22,
  1,
  (to) => void to.text(null).i32(60_000),
  (from) => {
    from.i32()
    return { code: from.i16(), producer: from.i64(), epoch: from.i16() }
  },
)
