import type { FaultPoint, Runtime } from '../../runtime/runtime.ts'
import type { ParkNote, Receive, Settlement, SubscribeOptions, Subscription } from '../seam.ts'
import { type Entry, Handout } from './entry.ts'
import type { Group } from './group.ts'
import { List } from './list.ts'
import type { Owner, Shard } from './shard.ts'

/** What a rejection of `receive`, or an emission that finds no room, counts as: given back, but not in a hot loop. */
const later: Settlement = { release: { after: 100 } }

/** A burst of transient messages reads the clock once for so many of them. */
const glance = 16

/** The transport as its members see it. */
export interface Process {
  readonly state: 'open' | 'frozen' | 'crashed' | 'closed'
  readonly runtime: Runtime
  readonly members: Set<Member>
  pass(point: FaultPoint): Promise<void> | undefined
  inTurn(run: () => void, point: FaultPoint): void
  turn(): Promise<void>
}

/** One subscription: hands out what its shards hold within its bounds, and carries out the settlements. */
export class Member implements Subscription, Owner {
  readonly id: string
  readonly transport: Process
  readonly group: Group
  readonly options: SubscribeOptions
  readonly #receive: Receive
  /** The owned shards that may have something to hand out, in turn. */
  readonly callers = new List<Shard>()
  stopped = false
  /** Its shards were given to others while it was frozen. */
  evicted = false
  #held = 0
  #heldBytes = 0
  /** The one suspect that is out. */
  #suspect: Handout<Shard> | undefined
  #scheduled = false
  #closing: Promise<void> | undefined

  constructor(id: string, transport: Process, group: Group, options: SubscribeOptions, receive: Receive) {
    this.id = id
    this.transport = transport
    this.group = group
    this.options = options
    this.#receive = receive
  }

  /** May get shards: it is neither on its way out nor, as far as is known, dead. */
  get active(): boolean {
    return !this.stopped && this.transport.state === 'open'
  }

  get hasRoom(): boolean {
    return this.#held < this.options.maxMessages && this.#heldBytes < this.options.maxBytes && !this.stopped
  }

  schedule(): void {
    if (this.#scheduled || this.stopped) return
    this.#scheduled = true
    this.group.hub.turns.soon(this.#pump)
  }

  /** Stays scheduled while it runs: it looks for more by itself. */
  readonly #pump = (): void => {
    this.#scheduled = !this.#handOutAll()
  }

  /** Whether all that can be handed out now is; otherwise it goes on when the event loop has turned. */
  #handOutAll(): boolean {
    const { turns } = this.group.hub
    let looked = 0
    let now = 0
    for (let shard = this.callers.head; shard !== undefined; shard = this.callers.head) {
      if (this.stopped || this.transport.state !== 'open') return true
      // What is settled at once leaves room for more at once: without an end, where it is given back.
      if (turns.rest(this.#pump)) return false
      const entry = shard.peek(this.#suspect === undefined)
      if (entry === undefined) {
        this.#uncall(shard)
        continue
      }
      if (this.#held > 0 && (this.#held >= this.options.maxMessages || this.#heldBytes + entry.bytes > this.options.maxBytes)) return true
      this.#uncall(shard)
      // The clock is read for the first and then now and then: what is late may be dropped, it need not be.
      if (entry.expires !== Number.POSITIVE_INFINITY && looked++ % glance === 0) now = this.group.hub.runtime.monotonic()
      if (entry.expires <= now) this.group.drop(shard, entry)
      else this.#handOut(shard, entry)
      if (!shard.idle) shard.call()
    }
    return true
  }

  #uncall(shard: Shard): void {
    this.callers.remove(shard)
    shard.called = false
  }

  /** The shard goes elsewhere. */
  forget(shard: Shard): void {
    if (shard.called) this.#uncall(shard)
  }

  #handOut(shard: Shard, entry: Entry): void {
    const out = new Handout(entry, shard, shard.hold)
    shard.take(entry, out)
    shard.out.push(out)
    this.#held++
    this.#heldBytes += entry.bytes
    if (entry.suspect) this.#suspect = out
    this.group.hub.turns.burst++
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = this.#receive(out)
    } catch {
      settlement = later
    }
    if ('then' in settlement)
      settlement.then(
        (value) => this.#settled(out, value),
        () => this.#settled(out, later),
      )
    else this.#settled(out, settlement)
  }

  #settled(out: Handout<Shard>, settlement: Settlement): void {
    if (out.over) return
    const { transport } = this
    if (transport.state === 'open' && transport.runtime.point === undefined) this.#settle(out, settlement)
    else {
      if ('release' in settlement) out.from.bar(out.entry)
      transport.inTurn(() => this.#settle(out, settlement), 'transport.settle.before')
    }
  }

  #settle(out: Handout<Shard>, settlement: Settlement): void {
    // Whoever lost the shard meanwhile settles nothing: that is the fence.
    if (out.over) return
    const { hub } = this.group
    const { entry, from: shard } = out
    if ('emit' in settlement) {
      const { emit } = settlement
      if (emit.length > 0 && !hub.roomFor(emit)) return this.#settle(out, later)
      this.back(out)
      this.group.remove(shard, entry)
      for (const outgoing of emit) hub.route(outgoing)
    } else if ('park' in settlement) {
      this.back(out)
      entry.suspect = false
      shard.park(entry, settlement.park satisfies ParkNote)
    } else {
      const { after = 0 } = settlement.release
      this.back(out)
      // Not in the same breath: the rest of its shard, which it goes before, would never have its turn.
      shard.restore(entry, hub.runtime.now() + Math.max(1, after))
      if (!this.stopped) this.group.offer(shard)
    }
    shard.unblock(entry)
    this.group.settled(shard)
  }

  /** The handout is out no more: room for others. */
  back(out: Handout<Shard>): void {
    const { entry } = out
    out.from.back(out)
    this.#held--
    this.#heldBytes -= entry.bytes
    if (this.#suspect === out) {
      this.#suspect = undefined
      for (const shard of this.group.shards) if (shard.owner === this && shard.suspects.head !== undefined) shard.call()
    }
    if (this.callers.head !== undefined) this.schedule()
  }

  stop(): void {
    if (this.stopped) return
    this.stopped = true
    if (this.transport.state === 'open') this.group.rebalance()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.stop()
    // Settlements whose promise has resolved arrive within this turn; what is still out after it is given back.
    await this.transport.turn()
    this.group.leave(this)
    this.transport.members.delete(this)
  }
}
