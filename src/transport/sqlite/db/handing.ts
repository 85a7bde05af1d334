import type { Reading, Room, Segment } from '../protocol.ts'
import { asBuffer, walk } from './pack.ts'

/**
 * Which messages of the segments the reader will hand out first, as far as it has room: how many, and how far that is in
 * each shard. At least one. The reader counts in the same way.
 */
export function firstRoom(
  segments: readonly Segment[],
  reads: readonly Reading[],
  room: Room,
): { count: number; ends: Map<number, number> } {
  const from = new Map(reads.map((reading) => [reading.shard, reading.from]))
  const ends = new Map<number, number>()
  let count = 0
  let bytes = 0
  for (const { first, bytes: pack } of segments)
    walk(asBuffer(pack), (index, shard, offset, end) => {
      const start = from.get(shard)
      if (start === undefined || first + index < start) return true
      if (count > 0 && (count >= room.messages || bytes >= room.bytes)) return false
      count++
      bytes += end - offset
      ends.set(shard, first + index + 1)
      return true
    })
  return { count, ends }
}
