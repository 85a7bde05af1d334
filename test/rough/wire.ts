import { FrameWriter, readFrame } from '../../src/message/frame.ts'
import type { Message } from '../../src/message/message.ts'
import type { ParkNote } from '../../src/transport/seam.ts'
import { Entry } from '../../src/transport/shared/entry.ts'

const writer = new FrameWriter()

/** A message as one frame: enough to judge the seam; the adapters proper use native headers. */
export function pack(message: Message): Buffer {
  writer.write(message)
  return writer.take()
}

export const unpack = (bytes: Uint8Array): Message => readFrame(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)

/** A parked message with its note and the place that it had in the log. */
export function packParked({ message, position }: Entry, note: ParkNote): Buffer {
  const head = Buffer.from(JSON.stringify({ position, note }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, pack(message)])
}

export function unpackParked(bytes: Uint8Array, handle: unknown): Entry {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = 4 + all.readUInt32LE(0)
  const { position, note } = JSON.parse(all.toString('utf8', 4, end)) as { position: number; note: ParkNote }
  return new Entry(position, unpack(all.subarray(end)), note, handle)
}
