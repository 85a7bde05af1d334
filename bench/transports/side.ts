import { order } from '../core/work.ts'

/** Where a side works: a broker, and a name that nothing else on it begins with. */
export interface Run {
  readonly url: string
  readonly name: string
}

/** One way to do the work of the rows: Pabal, by hand, or another library. Every message is `order(i)`, validated on both sides. */
export interface Side {
  /** Makes what the broker must have before anything is sent. */
  prepare(): Promise<void>
  /** Sends orders `from` to `to` with up to `window` of them unanswered; resolves when all are as safe as this side makes them. */
  produce(from: number, to: number): Promise<void>
  /** Calls `handle` with each order once it is validated; acknowledged after it. Resolves when what is sent from now on arrives. */
  consume(handle: () => void | Promise<void>): Promise<void>
  /** Answers each question with its order's id. */
  answer?(): Promise<void>
  /** Asks and waits for the answer, which is validated. */
  ask?(i: number): Promise<void>
  close(): Promise<void>
  /** Deletes all that the run made. */
  remove(): Promise<void>
}

/** How many messages a producer has under way, and how many a consumer has in hand. */
export const window = 1000
/** Partitions of a topic, and queues of a channel on RabbitMQ: as many as Pabal makes. */
export const shards = 16
export const queues = 8

export const keyOf = (i: number): string => order(i).orderId

/** FNV-1a: the same key, the same shard. */
export function shardOf(key: string, count = shards): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % count
}

/** Keeps up to `limit` calls of `act` under way; the first failure ends it. */
export async function windowed(from: number, to: number, limit: number, act: (i: number) => Promise<unknown>): Promise<void> {
  let next = from
  const lane = async (): Promise<void> => {
    while (next < to) await act(next++)
  }
  await Promise.all(Array.from({ length: Math.min(limit, to - from) }, lane))
}
