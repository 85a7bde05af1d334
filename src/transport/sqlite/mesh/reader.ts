import { headerBytes, maxFrame, type } from './wire.ts'

/** Takes one frame. False: the link is closed, read nothing more. */
export type TakeFrame = (frameType: number, content: Buffer) => boolean

/**
 * Cuts a stream of chunks into frames. A frame that lies within one chunk is a view into it; one that spans several is
 * joined once, when its last byte has come, so that a declared length alone takes no memory.
 */
export class FrameReader {
  readonly #take: TakeFrame
  /** The beginning of an unfinished frame. */
  #parts: Buffer[] = []
  #have = 0
  /** Its whole size, or the header's while that is not complete. */
  #need = headerBytes

  constructor(take: TakeFrame) {
    this.#take = take
  }

  /** False when the stream is junk (an unknown type, a length of 0 or beyond the limit) or `take` said so. */
  read(chunk: Buffer): boolean {
    let rest = chunk
    while (this.#have > 0) {
      const missing = this.#need - this.#have
      if (rest.length < missing) {
        if (rest.length > 0) this.#keep(rest)
        return true
      }
      // Only the spanning frame is joined; what follows it in the chunk stays a view.
      this.#parts.push(rest.subarray(0, missing))
      const joined = Buffer.concat(this.#parts, this.#need)
      rest = rest.subarray(missing)
      this.#parts = []
      this.#have = 0
      if (!this.#cut(joined)) return false
    }
    return this.#cut(rest)
  }

  #cut(bytes: Buffer): boolean {
    let at = 0
    let need = headerBytes
    while (bytes.length - at >= headerBytes) {
      const length = bytes.readUInt32LE(at)
      const frameType = bytes[at + 4] as number
      if (length === 0 || length > maxFrame + 1 || frameType > type.goodbye) return false
      need = 4 + length
      if (bytes.length - at < need) break
      if (!this.#take(frameType, bytes.subarray(at + headerBytes, at + need))) return false
      at += need
      need = headerBytes
    }
    this.#need = need
    if (at < bytes.length) this.#keep(bytes.subarray(at))
    return true
  }

  #keep(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#have += bytes.length
  }
}
