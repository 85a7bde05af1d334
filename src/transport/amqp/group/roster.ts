import { shardOf } from '../../../channel/shard.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { assign } from '../../shared/assignment.ts'
import type { Role, Seat } from '../shard/seat.ts'
import { type Members, processOf, type Said } from './members.ts'

interface Other {
  /** The shards that it waits for as their owner-to-be. */
  waits: ReadonlySet<number>
  /** The shards that it owns now. */
  owns: number
}

/** How long a member listens before it first decides, in milliseconds. */
const listenFor = 30
const settleAfter = 15
const beatEvery = 1000
/** While shards change hands nobody has them. */
const idleFor = 2000
/** So many beats between two full announcements. */
const announceEvery = 5
let count = 0

/**
 * Who else is a member of the group, and so which shards are whose. Each computes the same from the same names. A member that died is
 * found by the member before it in the ring, which asks the broker whether its queue is still there.
 */
export class Roster {
  readonly #members: Members
  readonly #runtime: Runtime
  readonly #group: string
  readonly #seats: readonly Seat[]
  readonly #warn: (text: string) => void
  readonly #number = ++count
  readonly #others = new Map<string, Other>()
  /** After a release: who is to have the shard instead. */
  readonly #offered = new Map<number, string>()
  id = ''
  #listening = true
  #stopped = false
  #planned: { cancel(): void } | undefined
  #beating: { cancel(): void } | undefined
  #beats = 0
  #idle = false
  #told = false
  #saying: { cancel(): void } | undefined
  /** Nobody could be told of it: said again with the next beat. */
  #unheard = false

  constructor(members: Members, runtime: Runtime, group: string, seats: readonly Seat[], warn: (text: string) => void) {
    this.#members = members
    this.#runtime = runtime
    this.#group = group
    this.#seats = seats
    this.#warn = warn
  }

  join(): Promise<void> {
    return this.#members.join(this.#group, this.hear)
  }

  /** There is a connection: nobody knows this member by its new name. */
  async up(): Promise<void> {
    if (this.#stopped) return
    if (this.id !== '') this.#say('gone', { member: this.id })
    this.id = `${this.#members.id}/${this.#number}`
    this.#others.clear()
    this.#listening = true
    this.#announce(true)
    this.#runtime.timer(listenFor, () => {
      this.#listening = false
      this.#plan()
    })
    this.#beating?.cancel()
    this.#beat()
  }

  down(): void {
    this.#beating?.cancel()
    this.#planned?.cancel()
    this.#planned = undefined
  }

  leave(): void {
    this.#stopped = true
    this.down()
    this.#saying?.cancel()
    this.#members.leave(this.#group, this.hear)
    this.#say('gone', { member: this.id })
  }

  readonly hear = (said: Said): void => {
    if (said.from === this.id || this.#stopped) return
    if (said.what === 'here') {
      const fresh = !this.#others.has(said.from)
      this.#others.set(said.from, { waits: new Set(said.waits as number[]), owns: Number(said.owns) })
      if (said.asks === true) this.#announce(false, said.from)
      if (fresh) this.#changedMembers()
      else this.#yield()
    } else if (said.what === 'gone') {
      if (said.member === this.id) this.#announce(false)
      else this.#remove(String(said.member))
    } else if (said.what === 'gave') this.#seats[Number(said.shard)]?.wake()
    else if (said.what === 'offer') {
      this.#offered.set(Number(said.shard), String(said.to))
      this.#plan()
    }
  }

  #remove(member: string): void {
    if (this.#others.delete(member)) this.#changedMembers()
  }

  #changedMembers(): void {
    this.#offered.clear()
    this.#plan()
  }

  /** Soon, and not put off by what comes meanwhile. */
  #plan(): void {
    if (this.#listening || this.#stopped) return
    this.#planned ??= this.#runtime.timer(settleAfter, () => {
      this.#planned = undefined
      this.#decide()
    })
  }

  #decide(): void {
    if (this.#stopped) return
    const everybody = [this.id, ...this.#others.keys()]
    const owners: (string | undefined)[] = []
    for (const [member, shards] of assign(everybody, this.#seats.length)) for (const n of shards) owners[n] = member
    for (const [n, member] of this.#offered) if (everybody.includes(member)) owners[n] = member
    for (const seat of this.#seats) seat.want(this.#role(seat.n, owners[seat.n] as string))
    this.#yield()
    this.#idles(!owners.includes(this.id))
  }

  #idles(idle: boolean): void {
    if (idle && !this.#idle && !this.#told) this.#runtime.timer(idleFor, () => this.#tell(), true)
    this.#idle = idle
  }

  #tell(): void {
    if (!this.#idle || this.#told || this.#stopped) return
    this.#told = true
    const counted = `there are ${this.#others.size + 1} members for its ${this.#seats.length} shards`
    this.#warn(`a member of ${this.#group} is idle: ${counted}, so that it is given only messages without a key`)
  }

  #role(n: number, owner: string): Role {
    if (owner === this.id) return 'owner'
    // A member of the owner's own process would die with it.
    let best = -1
    let next = ''
    for (const member of [this.id, ...this.#others.keys()]) {
      if (processOf(member) === processOf(owner)) continue
      const rank = shardOf(`${member} ${n}`, 0x7fffffff)
      if (rank > best) {
        best = rank
        next = member
      }
    }
    return next === this.id ? 'standby' : 'none'
  }

  /** Gives what is another's to it, once it waits for it. */
  #yield(): void {
    for (const seat of this.#seats) {
      if (!seat.active || seat.role === 'owner') continue
      for (const { waits } of this.#others.values()) if (waits.has(seat.n)) seat.give()
    }
  }

  /** Whether somebody else who lives waits to own it. */
  async waits(n: number): Promise<boolean> {
    for (const [member, { waits }] of [...this.#others]) {
      if (!waits.has(n)) continue
      // Where nobody can be asked it is taken to live.
      if ((await this.#members.tell(member, { what: 'ping', group: this.#group, from: this.id })) !== 'unrouted') return true
      this.#lost(member)
    }
    return false
  }

  #lost(member: string): void {
    this.#say('gone', { member })
    this.#remove(member)
  }

  changed(n: number, what: 'waits' | 'owns' | 'gave'): void {
    if (what === 'gave') this.#say('gave', { shard: n })
    if (this.#stopped) return
    if (what === 'owns') this.#yield()
    this.#saying ??= this.#runtime.timer(0, () => {
      this.#saying = undefined
      this.#announce(false)
    })
  }

  /** After a release: the next member in turn is to have it. */
  offer(n: number): void {
    const seat = this.#seats[n]
    if (this.#stopped || seat?.role !== 'owner' || !seat.active) return
    const everybody = [this.id, ...this.#others.keys()].sort()
    const to = everybody[(everybody.indexOf(this.id) + 1) % everybody.length]
    if (to === undefined || to === this.id) return
    this.#offered.set(n, to)
    this.#say('offer', { shard: n, to })
    this.#plan()
  }

  owners(): Record<string, number> {
    const owners: Record<string, number> = { [this.id]: this.#seats.filter((seat) => seat.active).length }
    for (const [member, { owns }] of this.#others) owners[member] = owns
    return owners
  }

  #announce(asks: boolean, to?: string): void {
    const waits = this.#seats.filter((seat) => seat.waits).map(({ n }) => n)
    const owns = this.#seats.filter((seat) => seat.active).length
    const here = { what: 'here', group: this.#group, from: this.id, asks, waits, owns }
    if (to !== undefined) void this.#members.tell(to, here)
    else
      void this.#members.say(here).then((result) => {
        // The connection that is published on may come back after the one that is consumed from.
        if (result !== 'sent' && result !== 'unrouted') this.#unheard = true
      })
  }

  #say(what: string, more: object): void {
    void this.#members.say({ what, group: this.#group, from: this.id, ...more })
  }

  #beat(): void {
    this.#beating = this.#runtime.timer(beatEvery * (0.9 + this.#runtime.random() * 0.2), () => this.#beat(), true)
    if (this.#unheard) {
      this.#unheard = false
      this.#announce(true)
    } else if (this.#beats++ % announceEvery === 0 && this.#beats > 1) this.#announce(false)
    for (const seat of this.#seats) seat.wake()
    const mine = processOf(this.id)
    const ring = [this.id, ...this.#others.keys()].filter((member) => member === this.id || processOf(member) !== mine).sort()
    const next = ring[(ring.indexOf(this.id) + 1) % ring.length]
    if (next === undefined || next === this.id) return
    void this.#members.tell(next, { what: 'ping', group: this.#group, from: this.id }).then((result) => {
      if (result === 'unrouted' && !this.#stopped) this.#lost(next)
    })
  }
}
