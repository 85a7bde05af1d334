import type { Socket } from 'node:net'
import { isPabalError } from '../../../errors.ts'
import { FrameReader } from './reader.ts'
import { goodbye, helloFrame, pong, readHello, type } from './wire.ts'

export interface GuestHost {
  readonly self: string
  readonly closed: boolean
  frame(from: string, frame: Buffer): void
  spoke(member: string): void
  left(guest: Guest): void
}

/** Answers that may wait for a dialler that does not read. */
const maxUnread = 64 * 1024

/** The accepted half: takes another member's frames and answers its pings. */
export class Guest {
  readonly #socket: Socket
  readonly #host: GuestHost
  #from: string | undefined
  #age = 0

  constructor(socket: Socket, host: GuestHost) {
    this.#socket = socket
    this.#host = host
    socket.unref()
    const reader = new FrameReader((frameType, content) => this.#take(frameType, content))
    socket.on('data', (chunk: Buffer) => this.#read(reader, chunk))
    // Nothing to do: `close` follows, and its dialler's end is told by our own link to it.
    socket.on('error', () => undefined)
    socket.once('close', () => host.left(this))
  }

  /** Who dialled and does not say who it is within `patience` ticks is sent away. */
  tick(patience: number): void {
    if (this.#from === undefined && ++this.#age > patience) this.#socket.destroy()
  }

  /** Also where its greeting is still on the way. */
  leave(): void {
    this.#socket.end(goodbye)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(reader: FrameReader, chunk: Buffer): void {
    // While closing, what still comes is read away, so that our goodbye is not overtaken by a reset.
    if (this.#host.closed) return
    if (this.#from !== undefined) this.#host.spoke(this.#from)
    try {
      if (!reader.read(chunk) && !this.#host.closed) this.#socket.destroy()
    } catch (error) {
      this.#socket.destroy()
      if (!isPabalError(error)) throw error
    }
  }

  #take(frameType: number, content: Buffer): boolean {
    if (this.#from === undefined) return frameType === type.hello && this.#greet(content)
    if (frameType === type.data) {
      this.#host.frame(this.#from, content)
      return !this.#host.closed
    }
    return frameType === type.ping && this.#answer(pong)
  }

  #greet(content: Buffer): boolean {
    const hello = readHello(content)
    if (hello === undefined) return false
    // Somebody else's address was used for us: saying who we are ends the misunderstanding on the other side.
    const meant = hello.to === this.#host.self
    if (meant) this.#from = hello.from
    return this.#answer(helloFrame({ mesh: 1, from: this.#host.self })) && meant
  }

  #answer(frame: Buffer): boolean {
    this.#socket.write(frame)
    return this.#socket.writableLength <= maxUnread
  }
}
