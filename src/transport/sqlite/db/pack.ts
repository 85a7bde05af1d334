import { frameEnd } from '../../../message/frame.ts'

/*
 * A pack is a run of messages of one channel: u16 shard, frame, u16 shard, frame, … A frame begins with its length, so
 * those of other shards are skipped without being looked at.
 */

/** Calls `each` for every message of a pack, until it returns false. */
export function walk(bytes: Buffer, each: (index: number, shard: number, offset: number, end: number) => boolean | undefined): void {
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const shard = bytes.readUInt16LE(at)
    const end = frameEnd(bytes, at + 2)
    if (each(index, shard, at + 2, end) === false) return
    at = end
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A pack of one message. */
export function packOne(shard: number, frame: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(2 + frame.byteLength)
  bytes.writeUInt16LE(shard, 0)
  bytes.set(frame, 2)
  return bytes
}
