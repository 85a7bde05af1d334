import type { Stored } from './protocol.ts'

/*
 * A frame that brings along what was stored: kind, when and in which store, first position, length of the channel; channel, pack.
 */
const fixed = 1 + 3 * 8 + 4

/**
 * A frame older than this tells only that something was stored, in milliseconds. It may have waited for a process that was frozen
 * and taken for dead: who owns its shards by now is in the store.
 */
const fresh = 20

/** The frame for `stored.bytes`, of this kind. */
export function carry(kind: number, { channel, first }: Stored, bytes: Uint8Array, identity: number, now: number): Buffer {
  const length = Buffer.byteLength(channel)
  const frame = Buffer.allocUnsafe(fixed + length + bytes.byteLength)
  frame[0] = kind
  frame.writeDoubleLE(now, 1)
  frame.writeDoubleLE(identity, 9)
  frame.writeDoubleLE(first, 17)
  frame.writeUInt32LE(length, 25)
  frame.write(channel, fixed)
  frame.set(bytes, fixed + length)
  return frame
}

/** What the frame tells: with the bytes only where it is fresh and the store is this one. */
export function carriedIn(frame: Buffer, identity: number, now: number): Stored {
  const body = fixed + frame.readUInt32LE(25)
  const age = now - frame.readDoubleLE(1)
  const usable = age >= 0 && age <= fresh && frame.readDoubleLE(9) === identity
  return { channel: frame.toString('utf8', fixed, body), first: frame.readDoubleLE(17), bytes: usable ? frame.subarray(body) : undefined }
}
