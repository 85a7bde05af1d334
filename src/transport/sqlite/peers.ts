import { PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { carriedIn, carry } from './carried.ts'
import type { StoreClient } from './client.ts'
import { openMesh } from './mesh/mesh.ts'
import type { Mesh } from './mesh/types.ts'
import type { MemberRow, Stored, SubscriberRow } from './protocol.ts'
import { Route } from './route.ts'

/** What one process tells another over the mesh; the first byte of a frame. */
const frames = { woken: 1, changed: 2, seen: 3, transient: 4, lot: 5, leases: 6, carried: 7 } as const

/** How long a newcomer waits until the others know of it. */
const patience = 250
/** When a takeover that the store refused is tried again, in milliseconds. */
const buryAgain = 250

export interface PeerEvents {
  /** Something was stored on a channel. */
  woken(stored: Stored): void
  /** Members or subscribers changed, or shards of these channels became free. */
  changed(channels?: readonly string[]): void
  /** A person acted on the parking lots of this channel. */
  lot(channel: string): void
  transient(frame: Buffer): void
  /** The others took this process for dead or frozen and took its shards. */
  buried(): Promise<void>
}

/** The other processes on the store: who is there, what they subscribe to, and how they are told. */
export class Peers {
  readonly self: string
  readonly #store: StoreClient
  readonly #runtime: Runtime
  readonly #events: PeerEvents
  #mesh!: Mesh
  #identity = 0
  #addresses = new Map<string, string>()
  #pids = new Map<string, number>()
  /** Those that are there and answer nothing: their process, as far as it is known. */
  readonly #frozen = new Map<string, number | undefined>()
  #durable = new Map<string, Map<string, string[]>>()
  #routes = new Map<string, Route[]>()
  #refreshing: Promise<void> | undefined
  #again = false
  #token = 0
  #closed = false
  readonly #unseen = new Map<number, { left: number; done(): void }>()

  constructor(self: string, store: StoreClient, runtime: Runtime, events: PeerEvents) {
    this.self = self
    this.#store = store
    this.#runtime = runtime
    this.#events = events
  }

  async open(file: string, identity: number, frozenAfter: number): Promise<void> {
    this.#identity = identity
    this.#mesh = await openMesh({
      folder: `${file}-mesh`,
      self: this.self,
      runtime: this.#runtime,
      frozenAfter,
      onFrame: (from, frame) => this.#take(from, frame),
      onGone: (member, how) => {
        if (how === 'frozen') this.#frozen.set(member, this.#pids.get(member))
        else this.#frozen.delete(member)
        this.#bury(member, how === 'frozen')
      },
      onBack: (member) => void this.#frozen.delete(member),
    })
    // Known before anything is written: should the write lock be held, it is said by whom.
    const { members, subscribers } = await this.#store.call('members', {})
    this.#learn(members, subscribers)
    await this.register()
    await this.refresh()
  }

  /** At the start, and after the others buried this process. */
  async register(): Promise<void> {
    await this.#store.call('register', { member: this.self, address: this.#mesh.address, pid: process.pid })
  }

  /** Until the store takes it, or there is nothing to bury any more. */
  #bury(member: string, frozen: boolean): void {
    const again = (): void => {
      // It may have woken up meanwhile.
      if (!frozen || this.#frozen.has(member)) this.#bury(member, frozen)
    }
    this.#gone(member).catch(() => this.#runtime.timer(buryAgain, again, true))
  }

  async #gone(member: string): Promise<void> {
    if (this.#closed || !this.#addresses.has(member)) return
    const { address } = this.#mesh
    const done = await this.#store.call('bury', { member })
    if (this.#closed || address === '') return
    if (done) this.#tellAll(frames.changed, tokenOf(0))
    await this.refresh()
    this.#events.changed()
  }

  /** Reads who is there. Calls that come while it reads are answered by one more reading. */
  refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true
      return this.#refreshing
    }
    this.#refreshing = this.#read()
    return this.#refreshing
  }

  async #read(): Promise<void> {
    try {
      do {
        this.#again = false
        const { members, subscribers } = await this.#store.call('members', {})
        if (this.#closed) return
        if (!members.some(({ id }) => id === this.self)) {
          await this.#events.buried()
          this.#again = true
          continue
        }
        this.#learn(members, subscribers)
      } while (this.#again)
    } finally {
      // In the same breath as the last look: a call that comes between the two would be answered by what is old.
      this.#refreshing = undefined
    }
  }

  #learn(members: readonly MemberRow[], subscribers: readonly SubscriberRow[]): void {
    this.#addresses = new Map(members.map(({ id, address }) => [id, address]))
    this.#pids = new Map(members.map(({ id, pid }) => [id, pid]))
    this.#durable = new Map()
    this.#routes = new Map()
    for (const row of subscribers) {
      if (row.durable) this.#learnUnit(row)
      else this.#learnRoute(row)
    }
    for (const [id, address] of this.#addresses) if (id !== this.self) this.#mesh.connect(id, address)
  }

  #learnUnit({ unit, channel, group }: SubscriberRow): void {
    let groups = this.#durable.get(channel)
    if (groups === undefined) this.#durable.set(channel, (groups = new Map()))
    const there = groups.get(group)
    if (there) there.push(unit)
    else groups.set(group, [unit])
  }

  #learnRoute({ unit, channel, group }: SubscriberRow): void {
    let routes = this.#routes.get(channel)
    if (routes === undefined) this.#routes.set(channel, (routes = []))
    let route = routes.find((known) => known.group === group)
    if (route === undefined) routes.push((route = new Route(channel, group)))
    route.members.push(memberOf(unit))
  }

  /** This process changed what it subscribes to: resolves when the others know, or a quarter of a second has passed. */
  async announce(): Promise<void> {
    await this.refresh()
    const others = this.#addresses.size - 1
    if (others <= 0) return
    const token = ++this.#token
    await new Promise<void>((resolve) => {
      const timer = this.#runtime.timer(patience, () => done(), true)
      const done = (): void => {
        timer.cancel()
        this.#unseen.delete(token)
        resolve()
      }
      this.#unseen.set(token, { left: others, done })
      this.#tellAll(frames.changed, tokenOf(token))
    })
  }

  /** The subscriptions that share a group's shards. */
  units(channel: string, group: string): readonly string[] {
    return this.#durable.get(channel)?.get(group) ?? []
  }

  /** The groups of a channel's transient lane; undefined where there is none. */
  routes(channel: string): readonly Route[] | undefined {
    return this.#routes.get(channel)
  }

  /** Tells the processes that read these channels; what is short is brought along. */
  wake(stored: readonly Stored[]): void {
    const bare: string[] = []
    for (const one of stored) {
      if (one.bytes === undefined) bare.push(one.channel)
      else this.#bring(one, one.bytes)
    }
    this.#tellReaders(frames.woken, bare)
  }

  #bring(stored: Stored, bytes: Uint8Array): void {
    const readers = this.#readersOf(stored.channel)
    if (readers.size === 0) return
    const frame = carry(frames.carried, stored, bytes, this.#identity, this.#runtime.now())
    for (const member of readers) this.#tell(member, frame)
  }

  /** Shards became free: for the other subscriptions of this process too. */
  leasesChanged(channel: string): void {
    this.#tellReaders(frames.leases, [channel])
    this.#events.changed([channel])
  }

  lotChanged(channel: string): void {
    this.#tellReaders(frames.lot, [channel])
  }

  #tellReaders(what: number, channels: readonly string[]): void {
    const byMember = new Map<string, string[]>()
    for (const channel of channels)
      for (const member of this.#readersOf(channel)) {
        const told = byMember.get(member)
        if (told === undefined) byMember.set(member, [channel])
        else told.push(channel)
      }
    for (const [member, told] of byMember) this.#tell(member, frameOf(what, Buffer.from(told.join('\n'))))
  }

  /** The other processes that read a channel. */
  #readersOf(channel: string): ReadonlySet<string> {
    const members = new Set<string>()
    if (this.#addresses.size > 1)
      for (const units of this.#durable.get(channel)?.values() ?? []) for (const unit of units) members.add(memberOf(unit))
    members.delete(this.self)
    return members
  }

  #tellAll(what: number, body: Buffer): void {
    for (const member of this.#addresses.keys()) if (member !== this.self) this.#tell(member, frameOf(what, body))
  }

  #tell(member: string, frame: Buffer): 'sent' | Promise<'sent' | 'no-receiver'> {
    const address = this.#addresses.get(member)
    if (address === undefined || this.#closed) return Promise.resolve('no-receiver')
    return this.#mesh.send(member, address, frame)
  }

  /** The first byte of the frame is for its kind. */
  sendTransient(member: string, frame: Buffer): 'sent' | Promise<'sent' | 'no-receiver'> {
    frame[0] = frames.transient
    return this.#tell(member, frame)
  }

  #take(from: string, frame: Buffer): void {
    switch (frame[0]) {
      case frames.woken:
        for (const channel of textOf(frame).split('\n')) this.#events.woken({ channel, first: 0 })
        return
      case frames.carried:
        return this.#events.woken(carriedIn(frame, this.#identity, this.#runtime.now()))
      case frames.changed: {
        const token = frame.readUInt32LE(1)
        void this.refresh().then(
          () => {
            if (token !== 0) void this.#tell(from, frameOf(frames.seen, tokenOf(token)))
            this.#events.changed()
          },
          () => undefined,
        )
        return
      }
      case frames.seen: {
        const unseen = this.#unseen.get(frame.readUInt32LE(1))
        if (unseen && --unseen.left === 0) unseen.done()
        return
      }
      case frames.transient:
        return this.#events.transient(frame)
      case frames.lot:
        return this.#events.lot(textOf(frame))
      case frames.leases:
        return this.#events.changed([textOf(frame)])
      default:
        throw new PabalError('INVALID_MESSAGE', `a process sent a frame of the unknown kind ${frame[0]}`)
    }
  }

  /** Who may hold the write lock: those that answer nothing, or else all others. For people to read. */
  suspects(): string {
    const named = (pids: readonly (number | undefined)[]): string => [...new Set(pids)].map((pid) => pid ?? 'unknown').join(', ')
    if (this.#frozen.size > 0) return `; the process that answers nothing: pid ${named([...this.#frozen.values()])}`
    const others = [...this.#pids].filter(([id]) => id !== this.self).map(([, pid]) => pid)
    return others.length > 0
      ? `; all of them answer: pid ${named(others)}`
      : '; no process of Pabal is known to use it: look for other programs that have it open'
  }

  /** The others see that it goes: its rows must be gone by then. */
  async close(): Promise<void> {
    this.#closed = true
    for (const unseen of this.#unseen.values()) unseen.done()
    await this.#mesh?.close()
  }

  /** Tells all that something changed, and does not wait. */
  sayChanged(): void {
    this.#tellAll(frames.changed, tokenOf(0))
  }
}

function frameOf(what: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(1 + body.length)
  frame[0] = what
  frame.set(body, 1)
  return frame
}

function tokenOf(token: number): Buffer {
  const body = Buffer.allocUnsafe(4)
  body.writeUInt32LE(token, 0)
  return body
}

const textOf = (frame: Buffer): string => frame.toString('utf8', 1)

/** `<member>/<n>` */
const memberOf = (unit: string): string => unit.slice(0, unit.lastIndexOf('/'))
