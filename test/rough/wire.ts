import { FrameWriter, readFrame } from '../../src/message/frame.ts'
import type { Message } from '../../src/message/message.ts'
import type { ParkNote } from '../../src/transport/seam.ts'

const writer = new FrameWriter()

/** A message as one frame: enough to judge the seam; the adapters proper use native headers. */
export function pack(message: Message): Buffer {
  writer.write(message)
  return writer.take()
}

export const unpack = (bytes: Uint8Array): Message => readFrame(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)

/** A note in an extension, so that it travels with the message. */
export const withNote = (message: Message, note: ParkNote): Message => ({ ...message, extensions: { ...message.extensions, parknote: JSON.stringify(note) } })

export function splitNote(message: Message): { message: Message; note: ParkNote } {
  const { parknote, ...extensions } = message.extensions
  return { message: { ...message, extensions }, note: JSON.parse(parknote as string) as ParkNote }
}
