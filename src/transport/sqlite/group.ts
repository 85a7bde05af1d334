import type { Channel } from '../../channel/channel.ts'
import { isPabalError } from '../../errors.ts'
import { readFrame } from '../../message/frame.ts'
import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { Outgoing, Receive, Settlement, SubscribeOptions, Subscription } from '../seam.ts'
import { assign } from '../shared/assignment.ts'
import type { StoreClient } from './client.ts'
import type { Marks } from './db/marks.ts'
import { Lots } from './lots.ts'
import { Entry, laneKey, OwnedShard } from './owned-shard.ts'
import { Packer } from './packer.ts'
import type { Peers } from './peers.ts'
import type { Stored } from './protocol.ts'
import { Reader } from './reader.ts'
import { Room } from './room.ts'
import { Writer, writeAgain } from './writer.ts'

/** How long `close` goes on trying to write what the store refuses, in milliseconds; then it is left to be delivered again. */
const closePatience = 1000

export interface GroupEnvironment {
  readonly store: StoreClient
  readonly peers: Peers
  readonly runtime: Runtime
  readonly shards: number
  readonly marks: Marks
  /** Sends what is transient. */
  emit(batch: readonly Outgoing[]): void
  /** Something was stored on these channels by this process. */
  stored(stored: readonly Stored[], nextDue: number | null): void
  /** The store refuses to be written to, or takes it again. */
  state(problem: string | undefined): void
  closed(subscription: GroupSubscription): void
}

interface Ids {
  readonly group: number
  readonly channel: number
}

/** One subscription to the durable lane: its share of the group's shards. */
export class GroupSubscription implements Subscription {
  readonly channel: Channel
  readonly group: string
  readonly unit: string
  readonly ephemeral: boolean
  readonly #env: GroupEnvironment
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  #ids: Ids = { group: 0, channel: 0 }
  readonly #owned = new Map<number, OwnedShard>()
  #suspectOut = false
  #stopped = false
  #closing: Promise<void> | undefined
  #reader: Reader | undefined
  #runningLanes = false
  #lanesAsked = false
  #laneTimer: Timer | undefined
  readonly #room: Room
  readonly #lots: Lots
  readonly #writer: Writer
  // sharing
  #balancing: Promise<void> = Promise.resolve()

  constructor(
    env: GroupEnvironment,
    unit: string,
    channel: Channel,
    group: string,
    ephemeral: boolean,
    options: SubscribeOptions,
    receive: Receive,
  ) {
    this.#env = env
    this.unit = unit
    this.channel = channel
    this.group = group
    this.ephemeral = ephemeral
    this.#options = options
    this.#receive = receive
    this.#writer = this.#writerFor()
    this.#room = new Room(options, env.runtime, () => this.#writer.stuck)
    this.#lots = new Lots({
      store: env.store,
      runtime: env.runtime,
      owned: this.#owned,
      group: () => this.#ids.group,
      room: () => ({ messages: this.#room.free ? this.#room.left.messages : 0, suspectOut: this.#suspectOut }),
      stopped: () => this.#stopped,
      written: () => this.#writer.done(),
      hand: (entry) => this.#hand(entry),
      failed: (error) => this.#tryAgain(error, () => this.review()),
    })
  }

  async start(): Promise<void> {
    await this.join()
    await this.#env.peers.announce()
    await this.rebalance()
  }

  /** At the start, and after the others took this process for dead. */
  async join(): Promise<void> {
    this.#ids = await this.#env.store.call('join', {
      unit: this.unit,
      channel: { address: this.channel.address, kind: this.channel.kind },
      group: this.group,
      durable: true,
      ephemeral: this.ephemeral,
    })
    this.#reader = this.#readerFor(this.#ids)
  }

  // ——— sharing the shards

  /** Claims what this member is to own and gives up what it is not. One after the other. */
  rebalance(): Promise<void> {
    this.#balancing = this.#balancing
      .then(() => this.#balance())
      .catch((error: unknown) => {
        if (isPabalError(error, 'FENCED')) void this.#env.peers.refresh().catch(() => undefined)
        else this.#tryAgain(error, () => void this.rebalance())
      })
    return this.#balancing
  }

  async #balance(): Promise<void> {
    if (this.#closing) return
    const { store, peers, shards } = this.#env
    const units = peers.units(this.channel.address, this.group)
    if (!units.includes(this.unit)) return
    const shares = assign(units, shards)
    const ownerOf = new Map<number, string>()
    for (const [unit, indexes] of shares) for (const index of indexes) ownerOf.set(index, unit)
    const free: number[] = []
    for (const { shard, owner, wanted } of await store.call('leases', { group: this.#ids.group })) {
      const target = wanted !== null && units.includes(wanted) ? wanted : ownerOf.get(shard)
      const owned = this.#owned.get(shard)
      if (owned && owner !== this.unit) this.#lose(owned)
      else if (owned && target !== this.unit) this.#revoke(owned, null)
      else if (owner === null && target === this.unit) free.push(shard)
    }
    if (free.length === 0 || this.#closing) return
    for (const claimed of await store.call('claim', { group: this.#ids.group, unit: this.unit, shards: free })) {
      const owned = new OwnedShard(claimed, new Packer(shards))
      this.#owned.set(owned.index, owned)
      this.#options.assigned?.(owned.name, new Map(claimed.parked.map(([key, count]) => [key, count])))
    }
    this.poke()
    this.review()
  }

  #revoke(shard: OwnedShard, wanted: string | null): void {
    if (shard.revoking) return
    shard.revoking = true
    shard.wanted = wanted
    this.#options.revoking?.(shard.name)
    if (shard.outCount === 0) this.#writer.add(shard, true)
  }

  /** Another member has it: nothing of it is settled any more. */
  #lose(shard: OwnedShard): void {
    shard.gone = true
    if (this.#owned.get(shard.index) === shard) this.#owned.delete(shard.index)
    shard.lostSignal.abort()
  }

  /** The others took this process for dead. */
  loseAll(): void {
    for (const shard of [...this.#owned.values()]) this.#lose(shard)
  }

  // ——— reading the log

  /** There may be something to hand out. */
  poke(): void {
    this.#reader?.poke()
  }

  /** Something was stored on the channel. */
  woken(stored: Stored): void {
    this.#reader?.woken(stored)
  }

  #readerFor(ids: Ids): Reader {
    const { store, runtime, marks } = this.#env
    const reader: Reader = new Reader(
      {
        store,
        marks,
        unit: this.unit,
        shards: () => [...this.#owned.values()].filter((shard) => !shard.revoking),
        room: () => this.#room.left,
        hasRoom: (messages, bytes) => this.#room.has(messages, bytes),
        makeRoom: () => this.#room.made(),
        turn: () => new Promise((resolve) => void runtime.timer(0, resolve, true)),
        // What is replaced may still be reading: together they would take the same room.
        stopped: () => this.#stopped || this.#reader !== reader,
        hand: (shard, buffer, offset, end, pos) => {
          const entry = new Entry(shard, readFrame(buffer, offset), pos, 0, end - offset)
          if (shard.take(entry) === undefined) this.#hand(entry)
          else this.#scheduleLanes()
        },
        caughtUp: () => this.review(),
        failed: (error) => this.#tryAgain(error, () => this.poke()),
        lost: (shard) => this.#lose(shard),
        advanced: (shard) => this.#writer.add(shard, false),
      },
      ids,
    )
    return reader
  }

  // ——— handing out and settling

  #hand(entry: Entry): void {
    entry.out = true
    entry.ahead = entry.parked === undefined && entry.from.isAhead(entry.message.key, entry.pos)
    entry.from.outCount++
    this.#room.take(entry.bytes)
    if (entry.lost > 0) this.#suspectOut = true
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = this.#receive(entry)
    } catch {
      settlement = { release: {} }
    }
    if ('then' in settlement)
      settlement.then(
        (value) => this.#settle(entry, value),
        () => this.#settle(entry, { release: {} }),
      )
    else this.#settle(entry, settlement)
  }

  #settle(entry: Entry, settlement: Settlement): void {
    if (!entry.out) return
    entry.out = false
    const shard = entry.from
    shard.outCount--
    this.#room.giveBack(entry.bytes)
    if (entry.lost > 0) this.#suspectOut = false
    if (!shard.gone) {
      if ('emit' in settlement) shard.settleWithEmissions(entry, settlement.emit)
      else if ('park' in settlement) shard.park(entry, settlement.park)
      else this.#giveBack(entry, settlement.release.after ?? 0)
      this.#writer.add(shard, entry.row || shard.revoking || !('emit' in settlement) || settlement.emit.length > 0)
      if (shard.lanes.size > 0) this.#runLanes()
    }
  }

  #giveBack(entry: Entry, after: number): void {
    const shard = entry.from
    // Not in the same breath: where nobody else is there to take it, nothing else would ever have its turn.
    const due = this.#env.runtime.now() + Math.max(1, after)
    if (entry.row) shard.park(entry, { ...(entry.parked ?? { attempts: 0, code: 'KEY_PARKED', reason: 'it was given back' }), due })
    else shard.hold(entry, due)
    const units = [...this.#env.peers.units(this.channel.address, this.group)].sort()
    const next = units[(units.indexOf(this.unit) + 1) % units.length]
    if (next !== undefined && next !== this.unit && !this.#stopped) this.#revoke(shard, next)
    this.#scheduleLanes()
  }

  /** What was given back, and what waits behind it, when its time has come. */
  #runLanes(): void {
    // What is settled at once while it is handed out asks for the next: a loop, since calls would nest as deep as a lane is long.
    this.#lanesAsked = true
    if (this.#runningLanes) return
    this.#runningLanes = true
    while (this.#lanesAsked && !this.#stopped) {
      this.#lanesAsked = false
      this.#runHeads()
    }
    this.#runningLanes = false
    if (!this.#stopped) this.#scheduleLanes()
  }

  #runHeads(): void {
    const now = this.#env.runtime.now()
    for (const shard of this.#owned.values()) {
      if (shard.revoking) continue
      for (const [key, lane] of shard.lanes) {
        const [head] = lane.entries
        if (head === undefined) {
          shard.lanes.delete(key)
          continue
        }
        if (head.due > now || shard.isOut(head) || !this.#room.free) continue
        lane.entries.shift()
        if (lane.entries.length === 0) shard.lanes.delete(laneKey(head))
        head.due = 0
        this.#hand(head)
      }
    }
  }

  #scheduleLanes(): void {
    let soonest = Number.POSITIVE_INFINITY
    for (const shard of this.#owned.values())
      if (!shard.revoking) for (const { entries } of shard.lanes.values()) soonest = Math.min(soonest, entries[0]?.due ?? soonest)
    this.#laneTimer?.cancel()
    this.#laneTimer = undefined
    const wait = soonest - this.#env.runtime.now()
    if (soonest === Number.POSITIVE_INFINITY || (soonest === 0 && wait < 0)) return
    this.#laneTimer = this.#env.runtime.timer(Math.max(0, Math.ceil(wait)), () => this.#runLanes(), true)
  }

  // ——— the parking lots

  /** Hands out what is parked and due. */
  review(): void {
    this.#lots.review()
  }

  /** A person acted: there may be more parked than is known. */
  lotChanged(): void {
    for (const shard of this.#owned.values()) shard.parks++
    this.review()
  }

  /** The store could not be asked: nobody may tell when it can be. */
  #tryAgain(error: unknown, act: () => void): void {
    if (this.#stopped || isPabalError(error, 'CLOSED')) return
    this.#env.runtime.timer(writeAgain, () => this.#stopped || act(), true)
  }

  // ——— writing

  #writerFor(): Writer {
    const { store, runtime, emit, stored, peers } = this.#env
    return new Writer({
      store,
      runtime,
      group: () => this.#ids.group,
      shards: () => this.#owned.values(),
      written: (shards, freed, transient, { fenced, stored: appended, nextDue }) => {
        shards.forEach((shard, i) => {
          const emissions = transient[i] as readonly Outgoing[]
          if (fenced.includes(shard.index)) this.#lose(shard)
          else if (emissions.length > 0) emit(emissions)
        })
        for (const shard of freed) {
          shard.gone = true
          if (this.#owned.get(shard.index) === shard) this.#owned.delete(shard.index)
        }
        if (appended.length > 0 || nextDue !== null) stored(appended, nextDue)
        if (freed.length > 0 && !this.#closing) {
          peers.leasesChanged(this.channel.address)
          void this.rebalance()
        }
        if (fenced.length > 0)
          void peers.refresh().then(
            () => this.rebalance(),
            () => undefined,
          )
        this.review()
      },
      state: (problem) => {
        this.#env.state(problem)
        if (problem === undefined) this.#room.look()
      },
    })
  }

  // ——— the end

  stop(): void {
    this.#stopped = true
    this.#lots.stop()
    this.#laneTimer?.cancel()
    this.#room.stop()
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    this.stop()
    this.#writer.giveUpAfter(closePatience)
    await this.#balancing
    try {
      await this.#writer.done()
      // What is still out is given back: its settlement does not count any more.
      for (const shard of this.#owned.values()) {
        shard.revoking = true
        shard.wanted = null
        shard.outCount = 0
        shard.dirty = true
      }
      this.#writer.flush()
      await this.#writer.done()
      await this.#env.store.call('leave', {
        unit: this.unit,
        channel: this.channel.address,
        group: this.group,
        durable: true,
        ephemeral: this.ephemeral,
      })
    } catch (error) {
      if (!isPabalError(error)) throw error
    }
    this.loseAll()
    this.#env.closed(this)
    this.#env.peers.sayChanged()
  }
}
