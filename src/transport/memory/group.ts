import { shardOf } from '../../channel/shard.ts'
import type { Message } from '../../message/message.ts'
import { assign } from '../shared/assignment.ts'
import { Entry, Hold } from './entry.ts'
import type { Host } from './host.ts'
import { laneKey } from './lane.ts'
import { type Household, type Owner, Shard } from './shard.ts'

/** The topic as its groups see it. */
export interface Home {
  readonly transient: readonly Group[]
  forget(group: Group): void
}

/** A consumer group on one lane of a channel: its shards and who owns them. */
export class Group implements Household {
  readonly hub: Host
  readonly topic: Home
  /** Undefined: an ephemeral subscriber, or the owner's group of a point-to-point channel. */
  readonly name: string | undefined
  readonly durable: boolean
  /** Gone with its last member. */
  readonly ephemeral: boolean
  readonly shards: readonly Shard[]
  members: Owner[] = []
  removed = false
  #turn = 0

  constructor(hub: Host, topic: Home, name: string | undefined, durable: boolean, ephemeral: boolean, shards: number) {
    this.hub = hub
    this.topic = topic
    this.name = name
    this.durable = durable
    this.ephemeral = ephemeral
    this.shards = Array.from({ length: shards }, (_, index) => new Shard(this, String(index)))
  }

  accept(message: Message, bytes: number, expires: number): void {
    const { hub } = this
    hub.messages++
    hub.bytes += bytes
    this.shardFor(message.key).add(new Entry(++hub.sequence, message, bytes, expires))
  }

  /** Unkeyed messages go to whoever has room, in turn. */
  shardFor(key: string | undefined): Shard {
    const { shards } = this
    if (key !== undefined) return shards[shardOf(key, shards.length)] as Shard
    for (let i = 0; i < shards.length; i++) {
      const shard = this.#next()
      if (shard.owner?.hasRoom && !shard.revoking) return shard
    }
    return this.#next()
  }

  #next(): Shard {
    if (++this.#turn >= this.shards.length) this.#turn = 0
    return this.shards[this.#turn] as Shard
  }

  /** An entry that is not handed out goes for ever. */
  drop(shard: Shard, entry: Entry): void {
    shard.drop(entry)
    shard.unblock(entry)
    this.forget(entry)
  }

  /** A settled entry goes for ever. */
  remove(shard: Shard, entry: Entry): void {
    if (entry.note !== undefined) {
      const lane = shard.lot.get(laneKey(entry))
      lane?.entries.remove(entry)
      lane?.review()
    }
    this.forget(entry)
  }

  forget(entry: Entry): void {
    this.hub.messages--
    this.hub.bytes -= entry.bytes
  }

  join(member: Owner): void {
    this.members.push(member)
    this.rebalance()
  }

  /** Shares the shards out among the members. What is out is settled before a shard changes hands. */
  rebalance(): void {
    const members = this.members.filter((member) => member.active)
    const shares = assign(
      members.map((member) => member.id),
      this.shards.length,
    )
    for (const shard of this.shards) shard.wanted = undefined
    for (const member of members) for (const index of shares.get(member.id) ?? []) (this.shards[index] as Shard).wanted = member
    for (const shard of this.shards) this.move(shard)
  }

  /** Towards its wanted owner, if that is another. */
  move(shard: Shard): void {
    if (shard.owner === undefined) this.#give(shard)
    else if (shard.owner !== shard.wanted) this.revoke(shard)
  }

  revoke(shard: Shard): void {
    const { owner } = shard
    if (shard.revoking || owner === undefined) return
    shard.revoking = true
    owner.forget(shard)
    if (owner.active) owner.options.revoking?.(shard.name)
    this.settled(shard)
  }

  /** A delivery of the shard was settled: was it the last that the next owner waits for? */
  settled(shard: Shard): void {
    if (!shard.revoking || shard.out.head !== undefined) return
    const { owner } = shard
    const wait = owner?.transport.pass('transport.handover.before')
    if (wait === undefined) this.#handOver(shard, owner)
    else void wait.then(() => this.#handOver(shard, owner))
  }

  #handOver(shard: Shard, from: Owner | undefined): void {
    if (!shard.revoking || shard.owner !== from || shard.out.head !== undefined) return
    this.#free(shard)
    this.#give(shard)
  }

  #free(shard: Shard): void {
    shard.owner?.forget(shard)
    shard.owner = undefined
    shard.revoking = false
  }

  #give(shard: Shard): void {
    const member = shard.wanted
    if (shard.owner !== undefined || member === undefined || this.removed) return
    shard.owner = member
    shard.hold = new Hold(shard.hold.fence + 1)
    member.options.assigned?.(shard.name, shard.parkedKeys())
    if (!shard.idle) shard.call()
  }

  /** After a release: the shard goes to the next member, if there is one. */
  offer(shard: Shard): void {
    const { owner } = shard
    if (shard.revoking || owner === undefined) return
    const members = this.members.filter((member) => member.active)
    const next = members[(members.indexOf(owner) + 1) % members.length]
    if (next === undefined || next === owner) return
    shard.wanted = next
    this.revoke(shard)
  }

  /** The member was frozen, and nobody took its shards over. */
  resume(member: Owner): void {
    for (const shard of this.shards) if (shard.owner === member && shard.revoking && !member.stopped) member.options.revoking?.(shard.name)
    this.rebalance()
    member.schedule()
  }

  /** Everything that the member held is out no more; `lost`: with its process. */
  #take(member: Owner, lost: boolean): Hold[] {
    const holds: Hold[] = []
    for (const shard of this.shards) {
      if (shard.owner !== member) continue
      holds.push(shard.hold)
      const back: Entry[] = []
      for (let out = shard.out.head; out !== undefined; out = shard.out.head) {
        back.push(out.entry)
        member.back(out)
      }
      for (const entry of back) {
        if (lost && !this.durable) {
          this.remove(shard, entry)
          continue
        }
        if (lost) {
          entry.lost++
          entry.suspect = true
        }
        shard.restore(entry, 0)
      }
      for (const entry of back) shard.unblock(entry)
      this.#free(shard)
    }
    return holds
  }

  leave(member: Owner): void {
    if (!this.members.includes(member)) return
    for (const hold of this.#take(member, false)) hold.lose()
    this.#without(member, true)
  }

  /** Its process died, or froze and may come back. Returns the holds that it lost. */
  evict(member: Owner, dead: boolean): Hold[] {
    const holds = this.#take(member, true)
    this.#without(member, dead)
    return holds
  }

  #without(member: Owner, forEver: boolean): void {
    this.members = this.members.filter((other) => other !== member)
    if (forEver && this.ephemeral && this.members.length === 0) this.#vanish()
    else this.rebalance()
  }

  #vanish(): void {
    if (this.removed) return
    this.removed = true
    this.topic.forget(this)
    for (const shard of this.shards) for (const parked of [false, true]) for (const entry of shard.stored(parked)) this.forget(entry)
  }
}
