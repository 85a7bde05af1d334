import { connect, type Socket } from 'node:net'
import { Batch, type Outcome, WaitingRoom } from './queue.ts'
import { FrameReader } from './reader.ts'
import { helloFrame, ping, readHello, type } from './wire.ts'

/** What a link needs from the hub that holds it. */
export interface LinkHost {
  readonly self: string
  readonly maxQueue: number
  /** Ticks without a word until a member counts as frozen. */
  readonly patience: number
  /** The link is over; how, as the other members' `onGone` words. */
  ended(link: Link, how: 'closed' | 'dead'): void
  refused(path: string): void
  frozen(member: string): void
  back(member: string): void
}

/** Nothing is known about the other side when these come: our own limits, or its queue of connections is full. Dialled again at the next tick. */
const tryAgain = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])
const refusedOutright: Promise<Outcome> = Promise.resolve('no-receiver')

/** The dialled half: sends frames to one member and watches it. */
export class Link {
  readonly member: string
  readonly address: string
  readonly #path: string
  readonly #host: LinkHost
  readonly #batch = new Batch()
  readonly #room = new WaitingRoom()
  readonly #flush = (): void => this.#writeBatch()
  #socket: Socket
  #state: 'dialling' | 'open' | 'ended' = 'dialling'
  #scheduled = false
  /** The last tick had one frame to write. */
  #lone = false
  #dialled: { promise: Promise<Outcome>; resolve: (outcome: Outcome) => void } | undefined
  #redial = false
  #tick = 0
  #silent = 0
  #heard = true
  #pinged = false
  #frozen = false

  constructor(member: string, address: string, path: string, host: LinkHost) {
    this.member = member
    this.address = address
    this.#path = path
    this.#host = host
    this.#socket = this.#dial()
  }

  send(frame: Buffer): 'sent' | Promise<Outcome> {
    if (this.#state === 'ended') return refusedOutright
    if (this.#room.empty && this.#fits(frame)) {
      this.#add(frame)
      return this.#state === 'open' ? 'sent' : this.#onceDialled()
    }
    return this.#room.wait(frame, this.#tick, this.#host.maxQueue) ?? refusedOutright
  }

  /** The member said something, on this link or on its own. */
  spoke(): void {
    this.#heard = true
    if (!this.#frozen) return
    this.#frozen = false
    this.#host.back(this.member)
  }

  /**
   * Once every `pingEvery`. Silence is counted in our own ticks, not in hours: a process that slept or was busy ticked
   * less, and so blames nobody for its own absence.
   */
  tick(): void {
    this.#tick++
    this.#room.expire(this.#tick - this.#host.patience)
    if (this.#redial) this.#socket = this.#dial()
    this.#silent = this.#heard ? 0 : this.#silent + 1
    this.#heard = false
    // One unanswered ping at a time, so that a frozen member's socket does not fill up.
    if (this.#state === 'open' && this.#silent > 0 && !this.#pinged) {
      this.#pinged = true
      this.#socket.write(ping)
    }
    if (this.#silent < this.#host.patience || this.#frozen) return
    this.#frozen = true
    this.#host.frozen(this.member)
  }

  /** Ends without a report; writes what is queued first. */
  leave(): void {
    if (this.#state === 'ended') return
    if (this.#state === 'open') {
      this.#writeBatch()
      this.#socket.end()
    }
    const dialling = this.#state === 'dialling'
    this.#settleEnd()
    if (dialling) this.#socket.destroy()
  }

  /** Resolves when the socket is gone; for `close`. */
  gone(): Promise<void> {
    return new Promise((settle) => (this.#socket.closed ? settle() : this.#socket.once('close', () => settle())))
  }

  destroy(): void {
    this.#settleEnd()
    this.#socket.destroy()
  }

  #dial(): Socket {
    this.#redial = false
    const socket = connect(this.#path)
    const reader = new FrameReader((frameType, content) => this.#take(frameType, content))
    socket.once('connect', () => {
      socket.unref()
      if (this.#state === 'dialling') this.#open(socket)
    })
    socket.on('data', (chunk: Buffer) => {
      if (this.#state !== 'open') return
      this.spoke()
      if (!reader.read(chunk)) this.#end('dead')
    })
    socket.on('drain', () => this.#admit())
    socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error.code))
    socket.once('end', () => this.#end('dead'))
    socket.once('close', () => this.#redial || socket !== this.#socket || this.#end('dead'))
    return socket
  }

  #open(socket: Socket): void {
    this.#state = 'open'
    socket.cork()
    socket.write(helloFrame({ mesh: 1, from: this.#host.self, to: this.member }))
    this.#writeBatch()
    socket.uncork()
    this.#dialled?.resolve('sent')
  }

  #failed(code: string | undefined): void {
    if (this.#state === 'dialling' && code !== undefined && tryAgain.has(code)) {
      this.#redial = true
      return
    }
    if (this.#state === 'dialling' && code === 'ECONNREFUSED') this.#host.refused(this.#path)
    this.#end('dead')
  }

  #take(frameType: number, content: Buffer): boolean {
    if (frameType === type.pong) {
      this.#pinged = false
      return true
    }
    if (frameType === type.hello) return readHello(content)?.from === this.member
    if (frameType === type.goodbye) this.#end('closed')
    // Data and pings come only from diallers.
    return false
  }

  #fits(frame: Buffer): boolean {
    const queued = this.#batch.bytes + this.#socket.writableLength
    return queued === 0 || queued + frame.length <= this.#host.maxQueue
  }

  #add(frame: Buffer): void {
    this.#batch.add(frame)
    if (this.#scheduled || this.#state !== 'open') return
    this.#scheduled = true
    // While a tick has one frame it leaves at once; with several they wait for each other and leave in one write.
    if (this.#lone) this.#batch.writeTo(this.#socket)
    process.nextTick(this.#flush)
  }

  #writeBatch(): void {
    this.#scheduled = false
    if (this.#state !== 'open') return
    this.#lone = this.#batch.count === (this.#lone ? 0 : 1)
    if (this.#batch.writeTo(this.#socket) && !this.#room.empty) this.#admit()
  }

  #admit(): void {
    this.#room.admit((frame) => {
      if (!this.#fits(frame)) return false
      this.#add(frame)
      return true
    })
  }

  #onceDialled(): Promise<Outcome> {
    if (this.#dialled === undefined) {
      let resolve!: (outcome: Outcome) => void
      const promise = new Promise<Outcome>((settle) => {
        resolve = settle
      })
      this.#dialled = { promise, resolve }
    }
    return this.#dialled.promise
  }

  #end(how: 'closed' | 'dead'): void {
    if (this.#state === 'ended') return
    this.#settleEnd()
    this.#socket.destroy()
    this.#host.ended(this, how)
  }

  #settleEnd(): void {
    this.#state = 'ended'
    this.#redial = false
    this.#dialled?.resolve('no-receiver')
    this.#room.refuseAll()
  }
}
