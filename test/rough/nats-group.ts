import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Receive, Sender, SubscribeOptions, Subscription } from '../../src/transport/seam.ts'
import { assign } from '../../src/transport/shared/assignment.ts'
import { Bounds } from '../../src/transport/shared/bounds.ts'
import { Cursor, type Place } from '../../src/transport/shared/cursor.ts'
import { OwnedShard } from '../../src/transport/shared/owned-shard.ts'
import { leaseTtl, type Server, token } from './nats-server.ts'

export const shards = 8
const beat = 400

interface Lease {
  seq: number
  /** On the monotonic clock: counted from before the last renewal was asked for. */
  until: number
  renewing: Promise<boolean> | undefined
}

interface Owned extends Lease {
  readonly shard: OwnedShard
  giving: Promise<void> | undefined
  /** Drained and written: its lease may go. */
  done: boolean
  offered: boolean
}

/**
 * A member of a durable group. Members name themselves and hold shards by messages that expire in a stream in memory; how far
 * the group is in a shard lies in a stream on disk and is written by compare-and-set, which is the fence.
 */
export class GroupMember implements Subscription {
  readonly #server: Server
  readonly #channel: Channel
  readonly #group: string
  readonly #options: SubscribeOptions
  readonly #receive: Receive
  readonly #sender: Sender
  readonly #bounds: Bounds
  readonly #id = systemRuntime.id()
  readonly #owned = new Map<number, Owned>()
  #stopped = false
  #closed = false
  #closing: Promise<void> | undefined
  #beating: Promise<void> | undefined
  #again = false
  #said = 0
  #members: string[] = []
  #timer: { cancel(): void } | undefined
  #due = Number.POSITIVE_INFINITY
  #keeping: { cancel(): void } | undefined
  #unwatch = (): void => undefined

  constructor(server: Server, channel: Channel, group: string, options: SubscribeOptions, receive: Receive, sender: Sender) {
    this.#server = server
    this.#channel = channel
    this.#group = token(group)
    this.#options = options
    this.#receive = receive
    this.#sender = sender
    this.#bounds = new Bounds(options)
  }

  async start(): Promise<void> {
    if (this.#channel.kind === 'publish-subscribe') await this.#begin()
    const watch = this.#server.nc.subscribe(this.#subject('w'), { callback: () => this.#soon(20) })
    this.#unwatch = () => watch.unsubscribe()
    await this.#beat()
    this.#tell()
    this.#keep()
    this.#soon(beat)
  }

  /** A new group begins with what is published from now on: whoever writes a shard's first cursor decides. */
  async #begin(): Promise<void> {
    const { js, jsm } = this.#server
    const { state } = await jsm.streams.info(this.#server.name(this.#server.logOf(this.#channel)))
    const first = JSON.stringify({ floor: state.last_seq + 1, done: [] } satisfies Place)
    await Promise.all(
      Array.from({ length: shards }, (_, n) =>
        js.publish(this.#subject('c', n), first, { expect: { lastSubjectSequence: 0 } }).catch((error: Error) => {
          if (!/wrong last sequence/.test(error.message)) throw error
        }),
      ),
    )
  }

  #subject(kind: string, ...names: (string | number)[]): string {
    return this.#server.subject(kind, token(this.#channel.address), this.#group, ...names)
  }

  #tell(): void {
    if (!this.#server.nc.isClosed()) this.#server.nc.publish(this.#subject('w'))
  }

  /** The next beat comes within `ms`. One that is due sooner stays: calls in a row must not put it off. */
  #soon(ms: number): void {
    const due = systemRuntime.monotonic() + ms
    if (this.#closed || due >= this.#due) return
    this.#timer?.cancel()
    this.#due = due
    this.#timer = systemRuntime.timer(
      ms,
      () => {
        this.#due = Number.POSITIVE_INFINITY
        this.#kick()
      },
      true,
    )
  }

  /** Renews its leases; apart from the beat, which may take long. What is being given away is renewed while it drains. */
  #keep(): void {
    this.#keeping = systemRuntime.timer(
      leaseTtl / 5,
      () => {
        this.#keep()
        for (const [n, owned] of this.#owned)
          if (!owned.done) void this.#renew(n, owned).then((held) => (held || owned.done ? undefined : this.#lose(n, owned)))
      },
      true,
    )
  }

  #kick(): void {
    if (this.#beating) {
      this.#again = true
      return
    }
    this.#beating = this.#beat()
      .catch(() => undefined)
      .then(() => {
        this.#beating = undefined
        this.#soon(this.#again ? 20 : beat)
        this.#again = false
      })
  }

  /** Says that this member is there, takes and gives shards. */
  async #beat(): Promise<void> {
    const { js, jsm, name } = this.#server
    if (!this.#stopped) this.#said = (await js.publish(this.#subject('l', 'm', this.#id))).seq
    if (this.#stopped) return
    const { state } = await jsm.streams.info(name('lease'), { subjects_filter: this.#subject('l', '>') })
    const members: string[] = []
    const held = new Set<number>()
    const offers = new Map<number, string>()
    for (const subject of Object.keys(state.subjects ?? {})) {
      const [kind, what, who] = subject.split('.').slice(-3)
      if (what === 'm') members.push(who as string)
      else if (what === 's') held.add(Number(who))
      else if (kind === 'o') offers.set(Number(what), who as string)
    }
    this.#members = members.sort()
    const mine = new Set(assign(members, shards).get(this.#id) ?? [])
    for (const [n, who] of offers) {
      if (who === this.#id) mine.add(n)
      else if (members.includes(who)) mine.delete(n)
    }
    for (const n of this.#owned.keys()) if (!mine.has(n)) void this.#give(n)
    await Promise.all(
      [...mine].map((n) => (held.has(n) || this.#owned.has(n) || this.#stopped ? undefined : this.#take(n).catch(() => undefined))),
    )
  }

  /** One at a time for each lease, since each names the one before. */
  #renew(n: number, owned: Lease): Promise<boolean> {
    owned.renewing ??= (async () => {
      const asked = systemRuntime.monotonic()
      try {
        const ack = await this.#server.js.publish(this.#subject('l', 's', n), this.#id, { expect: { lastSubjectSequence: owned.seq } })
        owned.seq = ack.seq
        owned.until = asked + leaseTtl
        return true
      } catch {
        return false
      } finally {
        owned.renewing = undefined
      }
    })()
    return owned.renewing
  }

  async #take(n: number): Promise<void> {
    const lease: Lease = { seq: 0, until: 0, renewing: undefined }
    if (this.#stopped || !(await this.#renew(n, lease))) return
    const { server, owned } = { server: this.#server, owned: lease as Owned }
    const subject = this.#subject('c', n)
    const last = await server.last('cursor', subject)
    const place: Place = last ? JSON.parse(new TextDecoder().decode(last.data)) : { floor: 1, done: [] }
    // Written anew, so that whatever the owner before still writes is refused.
    const write = async (expected: number, next: Place): Promise<number> =>
      (await server.js.publish(subject, JSON.stringify(next), { expect: { lastSubjectSequence: expected } })).seq
    const fence = await write(last?.seq ?? 0, place)
    let at = fence
    const store = async (next: Place): Promise<void> => {
      at = await write(at, next)
    }
    const lost = (): void => this.#lose(n, owned)
    const shard = new OwnedShard({
      shard: String(n),
      fence,
      receive: this.#receive,
      options: this.#options,
      bounds: this.#bounds,
      sender: this.#sender,
      log: server.log(server.logOf(this.#channel), server.subject('d', token(this.#channel.address), n)),
      parks: server.parks(this.#subject('p', n)),
      cursor: new Cursor(place, store, lost),
      runtime: systemRuntime,
      owned: () => systemRuntime.monotonic() < owned.until,
      released: () => void this.#offer(n).catch(() => undefined),
    })
    Object.assign(owned, { shard, giving: undefined, done: false, offered: false })
    this.#owned.set(n, owned)
    if (this.#stopped) shard.stop(false)
    await shard.start(lost).catch(lost)
  }

  #lose(n: number, owned: Owned): void {
    if (this.#owned.get(n) !== owned) return
    this.#owned.delete(n)
    owned.shard.lose()
    void owned.shard.end()
  }

  /** Gives a shard to whoever wants it, once nothing of it is out. */
  #give(n: number): Promise<void> {
    const owned = this.#owned.get(n)
    if (owned === undefined) return Promise.resolve()
    owned.shard.stop(!this.#stopped)
    owned.giving ??= (async () => {
      await owned.shard.drained()
      await owned.shard.end()
      owned.done = true
      await owned.renewing
      if (this.#owned.get(n) !== owned) return
      this.#owned.delete(n)
      await this.#server.forget('lease', owned.seq)
      this.#tell()
    })()
    return owned.giving
  }

  /** After a release: the shard goes to the next member for a while, if there is one. */
  async #offer(n: number): Promise<void> {
    const { js, jsm, name } = this.#server
    const owned = this.#owned.get(n)
    const next = this.#members[(this.#members.indexOf(this.#id) + 1) % this.#members.length]
    if (next === undefined || next === this.#id || this.#stopped || owned === undefined || owned.giving || owned.offered) return
    owned.offered = true
    owned.shard.stop(true)
    await jsm.streams.purge(name('lease'), { filter: this.#subject('l', 'o', n, '*') })
    await js.publish(this.#subject('l', 'o', n, next))
    await this.#give(n)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    for (const { shard } of this.#owned.values()) shard.stop(false)
    void this.#leave()
  }

  async #leave(): Promise<void> {
    await this.#beating
    await this.#server.forget('lease', this.#said)
    this.#tell()
    await Promise.all([...this.#owned.keys()].map((n) => this.#give(n)))
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.stop()
      // Settlements whose promise is resolved arrive within this turn; what is out after it is given back.
      await new Promise<void>((resolve) => void systemRuntime.timer(0, resolve))
      for (const { shard } of this.#owned.values()) shard.giveBack()
      await this.#leave()
      this.#closed = true
      this.#timer?.cancel()
      this.#keeping?.cancel()
      this.#unwatch()
    })()
    return this.#closing
  }
}
