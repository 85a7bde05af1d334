import type { Message } from '../../../message/message.ts'
import { type Listed, OpenList } from '../../../runtime/open-list.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { ParkNote, Receive, Sender, Settlement, SubscribeOptions } from '../../seam.ts'
import type { Bounds } from '../../shared/bounds.ts'
import { Entry } from '../../shared/entry.ts'
import { Aside } from './aside.ts'
import { keyOf } from './aside-lane.ts'

/** Where the parked messages of a shard are kept. */
export interface ParkStore {
  /**
   * Keeps it durably; `before` are ids of unsettled messages of its key that went before it. False: in a place from which it
   * comes to whoever is next, by `arrived`.
   */
  add(entry: Entry, note: ParkNote, before: readonly string[]): Promise<boolean>
  /** False: as with `add`. */
  amend(entry: Entry, note: ParkNote): Promise<boolean>
  remove(entry: Entry): Promise<void>
}

export interface ShardOptions {
  readonly shard: string
  readonly fence: number
  readonly receive: Receive
  readonly options: SubscribeOptions
  readonly bounds: Bounds
  readonly sender: Sender
  readonly parks: ParkStore
  readonly runtime: Runtime
  /** Whether the ownership holds; a promise where the broker must be asked. */
  owned(): boolean | Promise<boolean>
  /** A message of the queue is settled: acknowledge it. */
  settled(handle: number): void
  /** A delivery was given back: the shard should be offered to others after so many milliseconds. */
  released(after: number): void
}

interface Handout extends Listed<Handout> {
  readonly entry: Entry
  /** What acknowledges it, where it comes from the queue. */
  readonly tag: number
  /** Its settlement is being carried out. */
  writing: boolean
  /** Given back or lost: whatever its settlement is, it changes nothing. */
  over: boolean
}

/** What a rejection, or an emission that could not be sent, counts as. */
const later: Settlement = { release: { after: 100 } }

/**
 * A shard that this member reads: hands out in order within the subscription's bounds, keeps what was given back and what is parked
 * in order, and carries out the settlements, each message acknowledged by itself. Unlike a log, a queue has no positions: they
 * are counted here, and what is parked remembers which messages of its key went before it (see `aside.ts`).
 */
export class HeldShard {
  readonly #o: ShardOptions
  readonly #lost = new AbortController()
  readonly #out = new OpenList<Handout>()
  /** What came and was not looked at yet, from `#at` on. */
  #buffer: Entry[] = []
  #at = 0
  readonly #aside: Aside
  #begun = false
  /** Of the last message that came. */
  #position = 0
  #stopped = false
  #pumping = false
  #timer: { cancel(): void } | undefined
  #waiting: (() => void)[] = []

  constructor(options: ShardOptions) {
    this.#o = options
    this.#aside = new Aside(options.runtime)
  }

  /** With what is parked: tells the subscriber, begins to hand out. */
  begin(parked: readonly Entry[], before: ReadonlyMap<Entry, readonly string[]>): void {
    if (this.#stopped) return
    this.#aside.load(parked, before)
    for (const { position } of parked) this.#position = Math.max(this.#position, Math.ceil(position))
    this.#o.options.assigned?.(this.#o.shard, this.#aside.counts())
    this.#begun = true
    this.#pump()
  }

  /** The next message of the queue, acknowledged by its handle. `again`: it was delivered to somebody before. */
  push(message: Message, handle: number, again: boolean, due = 0): void {
    const aside = this.#aside
    let position = ++this.#position
    if (aside.size > 0) {
      if (!again) aside.reachedNew()
      // Parked by an owner that died before it could acknowledge it.
      else if (aside.isCopy(message.id)) {
        this.#o.settled(handle)
        return
      }
      position = aside.placeOf(message) ?? position
    }
    const entry = new Entry(position, message, undefined, handle)
    if (due > 0) {
      // Its delay ends here: what follows of its key waits with it.
      entry.due = due
      this.#setAside(entry)
      aside.giveBack(entry)
    } else {
      this.#buffer.push(entry)
      if (aside.size > 0) aside.came(entry)
    }
    this.#pump()
  }

  /** Everything that was in the queue at the takeover has come. */
  reached(): void {
    this.#aside.reachedNew()
    this.#pump()
  }

  /** Whether something parked waits for what may still come from former owners. */
  get unsure(): boolean {
    return this.#begun && this.#aside.unsure
  }

  /** A message was parked by somebody else. */
  arrived(entry: Entry): void {
    if (!this.#begun || this.#stopped) return
    this.#setAside(entry)
    this.#aside.park(entry)
    this.#pump()
  }

  /** What lies in the parking lot, in order. */
  parked(): Entry[] {
    return this.#aside.parked()
  }

  /** How many messages of the queue are here and unsettled. */
  get open(): number {
    let open = this.#buffer.length - this.#at + this.#aside.givenBack
    for (const { entry } of this.#out) if (entry.note === undefined) open++
    return open
  }

  /** Messages of the queue that are here, in order. */
  held(): Entry[] {
    const out = [...this.#out].map(({ entry }) => entry).filter((entry) => entry.note === undefined)
    return [...out, ...this.#aside.returned(), ...this.#buffer.slice(this.#at)].sort((a, b) => a.position - b.position)
  }

  /** A person changes what is parked, or takes it away where `work` gives nothing. False: it is gone, or out at this moment. */
  async change(old: Entry, work: () => Promise<Entry | undefined>): Promise<boolean> {
    if (this.#isOut(old) || !this.#aside.hold(old, 1)) return false
    try {
      const changed = await work()
      this.#aside.hold(old, -1)
      this.#aside.replace(old, changed)
    } catch (error) {
      this.#aside.hold(old, -1)
      throw error
    }
    this.#pump()
    return true
  }

  /** A person takes a message of the queue: whoever took it settles it. False: it is gone, or out at this moment. */
  take(entry: Entry): boolean {
    if (this.#isOut(entry)) return false
    if (this.#aside.replace(entry, undefined)) return true
    const at = this.#buffer.indexOf(entry, this.#at)
    if (at < 0) return false
    this.#buffer.splice(at, 1)
    if (this.#aside.size > 0) this.#aside.settled(entry)
    return true
  }

  #isOut(entry: Entry): boolean {
    for (const { entry: out } of this.#out) if (out === entry) return true
    return false
  }

  readonly #pump = (): void => {
    // What is settled at once asks for the next: a loop, since calls would nest as deep as the queue is long.
    if (!this.#begun || this.#pumping) return
    this.#pumping = true
    while (!this.#stopped) {
      const entry = this.#next()
      if (entry === undefined || !this.#o.bounds.take(entry.size, this.#pump)) break
      this.#handOut(entry)
    }
    this.#pumping = false
  }

  /** What may be handed out next; it stays where it is. */
  #next(): Entry | undefined {
    const aside = this.#aside
    if (aside.size > 0) {
      const ready = aside.ready()
      if (ready !== undefined) return ready
      this.#timer?.cancel()
      const wait = aside.wait()
      this.#timer = wait === undefined ? undefined : this.#o.runtime.timer(Math.min(wait, 60_000), this.#pump, true)
    }
    for (let head = this.#buffer[this.#at]; head !== undefined; head = this.#buffer[this.#at]) {
      if (aside.size === 0 || !aside.holdsBack(head)) return head
      this.#shift()
      aside.giveBack(head)
    }
    return undefined
  }

  #shift(): void {
    this.#buffer[this.#at++] = undefined as unknown as Entry
    if (this.#at < 64 && this.#at < this.#buffer.length) return
    this.#buffer = this.#buffer.slice(this.#at)
    this.#at = 0
  }

  #handOut(entry: Entry): void {
    const { shard, fence, receive } = this.#o
    const handout: Handout = { entry, tag: entry.handle as number, writing: false, over: false, older: undefined, newer: undefined }
    const { note: parked, message } = entry
    let ahead = false
    if (entry === this.#buffer[this.#at]) this.#shift()
    if (this.#aside.size > 0) {
      ahead = parked === undefined && this.#aside.isAhead(entry)
      this.#aside.take(entry)
    }
    this.#out.add(handout)
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = receive({ message, shard, lost: 0, parked, ahead, fence, signal: this.#lost.signal })
    } catch {
      settlement = later
    }
    if ('then' in settlement) {
      void settlement.then(
        (value) => this.#settle(handout, value),
        () => this.#settle(handout, later),
      )
    } else this.#settle(handout, settlement)
  }

  #settle(handout: Handout, settlement: Settlement): void {
    if (handout.over) return
    const owned = this.#o.owned()
    if (owned === false) return
    if (owned === true && handout.entry.note === undefined && 'emit' in settlement && settlement.emit.length === 0) {
      this.#end(handout, settlement)
      return
    }
    void this.#carryOut(handout, settlement, owned)
  }

  async #carryOut(handout: Handout, settlement: Settlement, owned: boolean | Promise<boolean>): Promise<void> {
    const { entry } = handout
    const { parks, sender } = this.#o
    if (owned !== true && !(await owned)) return
    if (handout.over) return
    handout.writing = true
    let outcome = settlement
    let stays = true
    try {
      if ('emit' in settlement) {
        if (settlement.emit.length > 0) {
          const results = await sender.send(settlement.emit)
          for (const [index, result] of results.entries()) if (typeof result !== 'string' && settlement.emit[index]?.durable) throw result
        }
        if (entry.note !== undefined) await parks.remove(entry)
      } else if ('park' in settlement) {
        if (entry.note !== undefined) stays = await parks.amend(entry, settlement.park)
        else {
          // From now on, in the order of the calls: what is parked is on its way before what is parked after it.
          const before = this.#before(entry)
          this.#aside.parking(entry)
          stays = await parks.add(entry, settlement.park, before)
        }
      }
    } catch {
      outcome = later
      this.#aside.notParking(entry)
    }
    if (handout.over) return
    this.#end(handout, outcome, stays)
  }

  #end(handout: Handout, outcome: Settlement, stays = true): void {
    const { entry } = handout
    const { bounds } = this.#o
    this.#out.remove(handout)
    handout.over = true
    const wasParked = entry.note !== undefined
    if ('release' in outcome) {
      // Never at once: a receiver that gives everything back must not keep the event loop from all others.
      entry.due = this.#o.runtime.now() + Math.max(outcome.release.after ?? 0, 2)
      this.#setAside(entry)
      this.#aside.giveBack(entry)
    } else {
      if ('park' in outcome) {
        entry.due = 0
        if (stays) {
          this.#setAside(entry)
          entry.note = outcome.park
          this.#aside.park(entry)
        } else if (wasParked) this.#aside.remove(entry)
        else this.#aside.notParking(entry)
      } else if (wasParked) this.#aside.remove(entry)
      if (!wasParked) {
        this.#o.settled(handout.tag)
        if (this.#aside.size > 0) this.#aside.settled(entry)
      }
    }
    // Last: it wakes whoever waits for room, and all must be in its place by then.
    bounds.back(entry.size)
    this.#pump()
    this.#told()
    if ('release' in outcome && !this.#stopped) this.#o.released(outcome.release.after ?? 0)
  }

  /** Ids of the messages of its key that went before it and are neither settled nor on their way to the parking lot. */
  #before(entry: Entry): string[] {
    if (entry.message.key === undefined) return []
    const open = [...this.#outOf(entry), ...this.#aside.returnedOf(keyOf(entry)), ...this.#waitingOf(entry)]
    return open
      .filter((other) => other.position < entry.position && !this.#aside.isParking(other))
      .sort((a, b) => a.position - b.position)
      .map((other) => other.message.id)
  }

  /** From now on its key is looked at message by message. */
  #setAside(entry: Entry): void {
    const key = keyOf(entry)
    if (!this.#aside.has(key)) this.#aside.open(key, this.#outOf(entry), this.#waitingOf(entry))
  }

  /** The messages of the queue of its key that are out, itself not among them. */
  #outOf(entry: Entry): Entry[] {
    const { key } = entry.message
    const found: Entry[] = []
    if (key === undefined) return found
    for (const { entry: other } of this.#out)
      if (other !== entry && other.note === undefined && other.message.key === key) found.push(other)
    return found
  }

  #waitingOf({ message: { key } }: Entry): Entry[] {
    return key === undefined ? [] : this.#buffer.slice(this.#at).filter((other) => other.message.key === key)
  }

  /** Hands out nothing more. `announce`: the shard goes to another member. */
  stop(announce: boolean): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    if (announce && this.#begun) this.#o.options.revoking?.(this.#o.shard)
  }

  /** Resolves when nothing is out any more. */
  drained(): Promise<void> {
    return this.#out.isEmpty ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  #told(): void {
    if (this.#waiting.length > 0 && this.#out.isEmpty) for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Whatever is out and not being settled is given back. */
  giveBack(): void {
    this.stop(false)
    this.#drop((handout) => !handout.writing)
  }

  /** The ownership is gone: nothing may be settled any more. */
  lose(): void {
    this.stop(false)
    this.#drop(() => true)
    this.#lost.abort()
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted
  }

  #drop(which: (handout: Handout) => boolean): void {
    for (const handout of [...this.#out].filter(which)) {
      this.#out.remove(handout)
      handout.over = true
      this.#o.bounds.back(handout.entry.size)
    }
    this.#told()
  }
}
