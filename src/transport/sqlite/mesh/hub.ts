import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { PabalError } from '../../../errors.ts'
import type { Timer } from '../../../runtime/runtime.ts'
import { addressOf, attempts, type Folder, leaveFolder, pathOf, reclaim, removeStale, socketName, sweep } from './folder.ts'
import { Guest, type GuestHost } from './guest.ts'
import { Link, type LinkHost } from './link.ts'
import type { Mesh, MeshOptions } from './types.ts'
import { maxFrame } from './wire.ts'

/** How long `close` waits for the other side of each socket, in milliseconds. */
const farewell = 250

/** One member's place in the mesh: its socket, its links to others, and the guests that dialled it. */
export class Hub implements Mesh, LinkHost, GuestHost {
  readonly address: string
  readonly self: string
  readonly maxQueue: number
  readonly patience: number
  closed = false
  readonly #options: MeshOptions
  readonly #folder: Folder
  readonly #path: string
  readonly #pingEvery: number
  readonly #server: Server
  readonly #links = new Map<string, Link>()
  /** Dropped links that still write what was sent before. */
  readonly #leaving = new Set<Link>()
  readonly #guests = new Set<Guest>()
  #ticking: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(options: MeshOptions, folder: Folder) {
    const name = socketName(options.self, options.runtime.id())
    this.#options = options
    this.#folder = folder
    this.#path = join(folder.path, name)
    this.address = addressOf(folder, name)
    this.self = options.self
    this.maxQueue = options.maxQueue ?? 8 * 1024 * 1024
    this.#pingEvery = options.pingEvery ?? 500
    this.patience = Math.max(2, Math.ceil((options.frozenAfter ?? 3000) / this.#pingEvery))
    this.#server = createServer((socket) => {
      if (this.closed) socket.destroy()
      else this.#guests.add(new Guest(socket, this))
    })
  }

  async listen(): Promise<void> {
    // The last member to leave removes the folder, perhaps at this very moment: make it again and try again.
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#bind()
        break
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
        if (code !== 'ENOENT' || attempt === attempts) {
          throw new PabalError('STORE_UNUSABLE', `No socket can be opened at ${this.#path}: ${code}.`, { cause })
        }
        await reclaim(this.#folder)
      }
    }
    this.#server.unref()
    this.#arm()
    await sweep(this.#folder, this.#options.runtime.now()).catch(() => undefined)
  }

  connect(member: string, address: string): void {
    this.#linkTo(member, address)
  }

  send(member: string, address: string, frame: Buffer): 'sent' | Promise<'sent' | 'no-receiver'> {
    if (frame.length > maxFrame) {
      throw new PabalError('MESSAGE_TOO_LARGE', `A frame of ${frame.length} bytes for ${member}: the mesh carries up to ${maxFrame}.`)
    }
    return this.#linkTo(member, address).send(frame)
  }

  drop(member: string): void {
    const link = this.#links.get(member)
    if (link === undefined) return
    this.#links.delete(member)
    this.#letGo(link)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  // What links and guests tell.

  ended(link: Link, how: 'closed' | 'dead'): void {
    if (this.#links.get(link.member) !== link) return
    this.#links.delete(link.member)
    if (!this.closed) this.#options.onGone(link.member, how)
  }

  refused(path: string): void {
    void removeStale(this.#folder, path)
  }

  frozen(member: string): void {
    this.#options.onGone(member, 'frozen')
  }

  back(member: string): void {
    this.#options.onBack?.(member)
  }

  frame(from: string, frame: Buffer): void {
    this.#options.onFrame(from, frame)
  }

  spoke(member: string): void {
    this.#links.get(member)?.spoke()
  }

  left(guest: Guest): void {
    this.#guests.delete(guest)
  }

  #linkTo(member: string, address: string): Link {
    const known = this.#links.get(member)
    if (known !== undefined && known.address === address) return known
    if (this.closed) throw new PabalError('CLOSED', `The mesh of ${this.self} is closed; nothing goes to ${member}.`)
    if (known !== undefined) this.drop(member)
    // An address that is none leads nowhere: the path of a socket that does not exist, so that it ends like any dead member's.
    const path = pathOf(this.#folder, address) ?? join(this.#folder.path, 'nowhere')
    const link = new Link(member, address, path, this)
    this.#links.set(member, link)
    return link
  }

  #letGo(link: Link): void {
    link.leave()
    this.#leaving.add(link)
    void link.gone().then(() => this.#leaving.delete(link))
  }

  #bind(): Promise<void> {
    return new Promise((settle, fail) => {
      this.#server.once('error', fail)
      // Exclusive: a worker of node:cluster listens itself, not its primary.
      this.#server.listen({ path: this.#path, exclusive: true }, () => {
        this.#server.off('error', fail)
        settle()
      })
    })
  }

  #arm(): void {
    this.#ticking = this.#options.runtime.timer(this.#pingEvery, () => this.#tick(), true)
  }

  #tick(): void {
    this.#arm()
    for (const link of [...this.#links.values()]) link.tick()
    for (const guest of this.#guests) guest.tick(this.patience)
  }

  async #close(): Promise<void> {
    this.closed = true
    this.#ticking?.cancel()
    const served = new Promise<void>((settle) => this.#server.close(() => settle()))
    for (const guest of this.#guests) guest.leave()
    for (const member of [...this.#links.keys()]) this.drop(member)
    const quiet = Promise.all([served, ...[...this.#leaving].map((link) => link.gone())])
    // Not in the background: it holds the process until all have heard the goodbye.
    const timer = this.#options.runtime.timer(farewell, () => {
      for (const guest of this.#guests) guest.destroy()
      for (const link of this.#leaving) link.destroy()
    })
    await quiet
    timer.cancel()
    await leaveFolder(this.#folder)
  }
}
