import { headerBytes, type, writeHeader } from './wire.ts'

/** Frames up to this size are copied together into one write; larger ones are written as they are. */
const copyUpTo = 32 * 1024

/** Where the packed bytes go: a socket. */
interface Writable {
  cork(): void
  uncork(): void
  write(bytes: Buffer): boolean
}

/** The data frames of one tick, which leave in one write. */
export class Batch {
  #frames: Buffer[] = []
  /** Headers included. */
  bytes = 0

  get count(): number {
    return this.#frames.length
  }

  add(frame: Buffer): void {
    this.#frames.push(frame)
    this.bytes += headerBytes + frame.length
  }

  /** Empties the batch into `socket`. What `write` said last: false when the socket wants a pause. */
  writeTo(socket: Writable): boolean {
    const frames = this.#frames
    if (frames.length === 0) return true
    const bytes = this.bytes
    this.#frames = []
    this.bytes = 0
    const [first] = frames
    if (frames.length === 1 && first !== undefined && first.length <= copyUpTo) return socket.write(packed(frames, 0, 1, bytes, undefined))
    socket.cork()
    let ok = true
    for (let from = 0; from < frames.length; ) {
      // A run of small frames, ended by a large one of which only the header is copied.
      let size = 0
      let to = from
      let large: Buffer | undefined
      while (to < frames.length && large === undefined) {
        const frame = frames[to++] as Buffer
        size += headerBytes
        if (frame.length > copyUpTo) large = frame
        else size += frame.length
      }
      ok = socket.write(packed(frames, from, to, size, large))
      if (large !== undefined) ok = socket.write(large)
      from = to
    }
    socket.uncork()
    return ok
  }
}

function packed(frames: readonly Buffer[], from: number, to: number, size: number, large: Buffer | undefined): Buffer {
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = from; i < to; i++) {
    const frame = frames[i] as Buffer
    writeHeader(out, at, type.data, frame.length)
    at += headerBytes
    if (frame !== large) {
      out.set(frame, at)
      at += frame.length
    }
  }
  return out
}

export type Outcome = 'sent' | 'no-receiver'

interface Waiter {
  readonly frame: Buffer
  readonly since: number
  readonly settle: (outcome: Outcome) => void
}

/** Frames that found the queue full: in order, bounded in bytes, each for a bounded number of ticks. */
export class WaitingRoom {
  #waiters: Waiter[] = []
  #bytes = 0

  get empty(): boolean {
    return this.#waiters.length === 0
  }

  /** Undefined when the room is full too; one frame is always allowed. */
  wait(frame: Buffer, tick: number, maxBytes: number): Promise<Outcome> | undefined {
    if (this.#bytes > 0 && this.#bytes + frame.length > maxBytes) return undefined
    this.#bytes += frame.length
    return new Promise((settle) => this.#waiters.push({ frame, since: tick, settle }))
  }

  /** Hands frames to `take` in order until it says no. */
  admit(take: (frame: Buffer) => boolean): void {
    let done = 0
    for (const waiter of this.#waiters) {
      if (!take(waiter.frame)) break
      done++
      this.#leave(waiter, 'sent')
    }
    if (done > 0) this.#waiters = this.#waiters.slice(done)
  }

  /** Those that have waited since `oldest` or longer give up. */
  expire(oldest: number): void {
    this.#refuse(this.#waiters.findIndex((waiter) => waiter.since > oldest))
  }

  refuseAll(): void {
    this.#refuse(-1)
  }

  #refuse(end: number): void {
    const count = end < 0 ? this.#waiters.length : end
    for (const waiter of this.#waiters.splice(0, count)) this.#leave(waiter, 'no-receiver')
  }

  #leave(waiter: Waiter, outcome: Outcome): void {
    this.#bytes -= waiter.frame.length
    waiter.settle(outcome)
  }
}
