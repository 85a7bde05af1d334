import { isPabalError } from '../../../errors.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import type { Operation, Operations, ShardSettlement } from '../protocol.ts'
import { AdminTables } from './admin.ts'
import { Database, type DatabaseOptions } from './database.ts'
import { Delayed } from './delayed.ts'
import { firstRoom } from './handing.ts'
import { Leases } from './leases.ts'
import { Log } from './log.ts'
import { Marks } from './marks.ts'
import { Members } from './members.ts'
import { Parked } from './parked.ts'

/** How often the log is trimmed while there is work, in milliseconds. */
const trimEvery = 25

type Handlers = {
  readonly [O in Exclude<Operation, 'open' | 'append' | 'settle' | 'close'>]: (args: Operations[O]['takes']) => Operations[O]['gives']
}

/** The tables behind the operations. Lives in the worker. */
export class Store {
  readonly db: Database
  readonly #log: Log
  readonly #leases: Leases
  readonly #marks: Marks
  readonly #parked: Parked
  readonly #members: Members
  readonly #delayed: Delayed
  readonly #admin: AdminTables
  readonly #handlers: Handlers
  #trimmed = 0
  #trimDue = false

  constructor(options: DatabaseOptions) {
    this.db = new Database(options)
    this.#log = new Log(this.db)
    this.#leases = new Leases(this.db)
    this.#parked = new Parked(this.db)
    this.#marks = new Marks(this.db.path, this.db.shards).begin(this.db.identity(), (work) => this.db.write(false, work))
    this.#members = new Members(this.db, this.#log, this.#leases, this.#parked, this.#marks)
    this.#delayed = new Delayed(this.db, this.#log)
    this.#admin = new AdminTables(this.db, this.#parked, this.#delayed)
    this.#handlers = this.#operations()
  }

  /** Any operation that stands alone. */
  perform<O extends keyof Handlers>(op: O, args: Operations[O]['takes']): Operations[O]['gives'] {
    return (this.#handlers[op] as (args: Operations[O]['takes']) => Operations[O]['gives'])(args)
  }

  /** Within a transaction of the caller's. */
  append({ packs, delays }: Operations['append']['takes']): Operations['append']['gives'] {
    let bytes = 0
    for (const pack of packs) bytes += pack.bytes.byteLength
    for (const { frame } of delays) bytes += frame.byteLength
    this.db.checkRoom(bytes)
    this.#delayed.add(delays)
    return { stored: this.#log.append(packs), nextDue: delays.length > 0 ? this.#delayed.nextDue : null }
  }

  /** Within a transaction of the caller's. */
  settle({ settlements }: Operations['settle']['takes']): Operations['settle']['gives'] {
    const fenced: number[] = []
    const valid: ShardSettlement[] = []
    for (const one of settlements) {
      const { group, shard, epoch } = one
      if (!this.#leases.advance(group, shard, epoch, one.acked, one.state)) {
        fenced.push(shard)
        continue
      }
      for (const row of one.parks ?? []) this.#parked.put(group, shard, epoch, row)
      for (const id of one.removes ?? []) this.#parked.remove(group, id)
      if (one.free) {
        this.#leases.free(group, shard, epoch, one.free.wanted)
        this.#parked.giveBack(group, shard, epoch)
      }
      valid.push(one)
    }
    this.#trimDue = true
    const delays = valid.flatMap((one) => one.delays ?? [])
    this.#delayed.add(delays)
    const packs = valid.flatMap((one) => one.emits ?? [])
    return { fenced, stored: packs.length > 0 ? this.#log.append(packs) : [], nextDue: delays.length > 0 ? this.#delayed.nextDue : null }
  }

  /** Within a transaction of the caller's, where it is time. */
  trim(): void {
    const now = systemRuntime.monotonic()
    if (!this.#trimDue || now - this.#trimmed < trimEvery) return
    this.#log.trim()
    this.#trimmed = now
    this.#trimDue = false
  }

  close(): void {
    this.#marks.close()
    this.db.close()
  }

  /** A transaction failed: what was remembered of it is forgotten. */
  rolledBack(): void {
    this.#log.forget()
    this.#trimDue = true
  }

  /** A person settled something by hand: what everybody has behind it goes with it. */
  #trimAfter(done: boolean): boolean {
    if (done) this.#log.trim()
    return done
  }

  #operations(): Handlers {
    const { db } = this
    const log = this.#log
    const quick = <T>(work: () => T): T => db.write(false, work)
    const safe = <T>(work: () => T): T => db.write(true, work)
    return {
      provision: ({ channels, mode }): readonly string[] => {
        const missing = db.read(() =>
          channels.filter((channel) => log.find(channel.address)?.kind !== channel.kind).map((channel) => channel.address),
        )
        if (mode === 'check' || missing.length === 0) return missing
        safe(() => channels.map((channel) => log.ensure(channel)))
        return []
      },
      join: (args) => safe(() => this.#members.join(args)),
      leave: (args) => {
        quick(() => this.#members.leave(args))
        this.#trimDue = true
      },
      claim: (args) => quick(() => this.#members.claim(args)),
      leases: ({ group }) => db.read(() => this.#leases.list(group)),
      read: ({ channel, group, unit, reads, maxBytes, room }) => {
        const { segments, next } = db.read(() => log.read(channel, Math.min(...reads.map(({ from }) => from)), maxBytes))
        const { count, ends } = firstRoom(segments, reads, room)
        for (const { shard, epoch } of reads) if (ends.has(shard)) this.#marks.write(group, shard, epoch, ends.get(shard) as number)
        return { segments, next, marked: count, lost: db.read(() => this.#leases.lost(group, unit, reads)) }
      },
      mark: ({ group, marks }) => {
        for (const { shard, epoch, end } of marks) this.#marks.write(group, shard, epoch, end)
      },
      heads: ({ group, shards, limit }) =>
        db.read(() => ({ heads: this.#parked.heads(group, shards, limit), empty: this.#parked.empty(group, shards) })),
      take: ({ group, ids }) => quick(() => this.#parked.take(group, ids)),
      register: ({ member, address, pid }) => quick(() => this.#members.register(member, address, pid)),
      unregister: ({ member }) => quick(() => this.#members.unregister(member)),
      bury: ({ member }) => {
        const work = () => safe(() => this.#members.bury(member))
        try {
          return work()
        } catch (error) {
          // Copies are made of what it held, which may be more than the reserve; then the log can be trimmed by as much.
          if (isPabalError(error, 'STORE_FULL')) return db.beyond(work)
          throw error
        } finally {
          this.#trimDue = true
        }
      },
      members: () => db.read(() => this.#members.list()),
      wakeDelayed: ({ now }) => {
        const stored = safe(() => this.#delayed.wake(now))
        return { stored, nextDue: db.read(() => this.#delayed.nextDue) }
      },
      poll: () => {
        db.checkPresence()
        if (this.#trimDue) quick(() => this.trim())
        db.shrink()
        return { version: db.version() }
      },
      depths: () => db.read(() => this.#admin.depths()),
      browse: (args) => db.read(() => this.#admin.browse(args)),
      amend: (args) => safe(() => this.#admin.amend(args)),
      move: (args) => safe(() => this.#trimAfter(this.#admin.move(args))),
      discard: (args) => safe(() => this.#trimAfter(this.#admin.discard(args))),
    }
  }
}
