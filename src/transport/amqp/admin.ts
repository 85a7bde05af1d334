import type { Channel } from '../../channel/channel.ts'
import { shardOf } from '../../channel/shard.ts'
import { PabalError } from '../../errors.ts'
import type { Message } from '../../message/message.ts'
import type { Admin, Depth, ParkNote, Place, Stored } from '../seam.ts'
import type { AmqpMessage } from './driver.ts'
import { replyCode } from './faults.ts'
import { type Census, packed, positionOf, type Question, type Shown, shardIn, type Target, unpacked } from './group/keeper.ts'
import type { World } from './group/world.ts'
import { type ParkedFacts, parkProperties } from './shard/parks.ts'
import { allOfThem } from './shard/returned.ts'
import { atMost, type Wanted, whileOwning } from './shard/temporary.ts'
import { settled } from './topology/declare.ts'
import { unkeyed } from './topology/names.ts'
import type { Registered, Registry } from './topology/registry.ts'
import { bufferOf, messageOf, own, ownHeaderOf } from './wire/wire.ts'

/** What the owners of a shard have of it. */
interface Held {
  readonly open: number
  readonly parked: number
  readonly oldest?: number | undefined
}

interface Counted {
  readonly messageCount: number
  readonly consumerCount: number
}

/** Channels that are looked at together. */
const atOnce = 8
/** How often an owner that is just changing is looked for. */
const tries = 6
/** How often it is seen whether somebody who looks has gone. */
const patience = 100
/** So many are read at once where one is looked for. */
const looksFor = 200

/** What a person does, asked of the owner of the shard, or done in its place where there is none. */
export class AmqpAdmin implements Admin {
  readonly #world: () => World
  readonly #registry: () => Registry

  constructor(world: () => World, registry: () => Registry) {
    this.#world = world
    this.#registry = registry
  }

  async depths(): Promise<readonly Depth[]> {
    const all = (await this.#registry().all()).filter(({ channel, group }) => channel.kind === 'point-to-point' || group !== undefined)
    const rows: Depth[] = []
    let next = 0
    const some = async (): Promise<void> => {
      for (let n = next++; n < all.length; n = next++) {
        const { channel, group } = all[n] as Registered
        rows[n] = await this.#depth(channel, group)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, some))
    return rows
  }

  async #depth(channel: Channel, group: string | undefined): Promise<Depth> {
    const place = { channel, group }
    const counted = await Promise.all(
      this.#shards().map(async (shard) => {
        const queue = await this.#count(this.#queue(place, shard))
        return { shard, queue, lot: await this.#count(this.#queue({ ...place, parked: true }, shard)) }
      }),
    )
    // Where nobody reads there is nobody to ask.
    const read = counted.some(({ queue }) => queue.consumerCount > 0)
    const { owners, shards, named } = read ? await this.#census(place) : { owners: {}, shards: new Map<string, Held>(), named: {} }
    let waiting = 0
    let parked = 0
    let oldest: number | undefined
    for (const { shard, queue: there, lot } of counted) {
      const held = shards.get(shard)
      // Read, and by no member: somebody looks, and has for a moment what is to be counted.
      const queue = there.consumerCount > 0 && Object.keys(owners).length === 0 ? await this.#unread(this.#queue(place, shard)) : there
      const first = held?.oldest ?? (queue.messageCount > 0 ? await this.#first(place, shard) : undefined)
      // What says nothing is no message: whoever looks takes it away.
      const nothing = queue.messageCount > 0 && held === undefined && first === undefined
      waiting += (nothing ? await this.#count(this.#queue(place, shard)) : queue).messageCount + (held?.open ?? 0)
      parked += lot.messageCount + (held?.parked ?? 0)
      // A foreign message need not say when it was sent, and the broker does not.
      if (first !== undefined && first > 0) oldest = Math.min(oldest ?? first, first)
    }
    return { channel, group, waiting, parked, oldest, owners, shards: named }
  }

  async #first(place: Place, shard: string): Promise<number | undefined> {
    const [first] = await this.#peek(place, shard, 1)
    return first?.message.time
  }

  /** Nothing, where there is no such queue. */
  async #count(queue: string): Promise<Counted> {
    try {
      return await this.#world().topology.ops.run((channel) => channel.checkQueue(queue))
    } catch (error) {
      if (replyCode(error) === 404) return { messageCount: 0, consumerCount: 0 }
      throw error
    }
  }

  /** Counted when nobody reads it, if that is soon. */
  async #unread(queue: string): Promise<Counted> {
    for (let tried = 0; ; tried++) {
      const found = await this.#count(queue)
      if (found.consumerCount === 0 || tried === patience) return found
      await this.#world().topology.ops.pause(20)
    }
  }

  async #census(place: Place): Promise<{
    owners: Record<string, number>
    named: Record<string, string>
    shards: Map<string, Held>
    processes: Map<string, string[]>
  }> {
    const { members } = this.#world()
    const answers = (await members.askAll(this.#group(place), { what: 'census' } satisfies Question)) as Census[]
    const owners: Record<string, number> = {}
    const named: Record<string, string> = {}
    const shards = new Map<string, Held>()
    const processes = new Map<string, string[]>()
    for (const answer of answers) {
      owners[answer.name] = answer.shards.filter(({ shard }) => shard !== unkeyed).length
      for (const { shard, open, parked, oldest } of answer.shards) {
        const there = shards.get(shard)
        shards.set(shard, {
          open: (there?.open ?? 0) + open,
          parked: (there?.parked ?? 0) + parked,
          oldest: oldest === undefined ? there?.oldest : Math.min(there?.oldest ?? oldest, oldest),
        })
        // All members read what has no key.
        if (shard !== unkeyed) named[shard] = answer.name
        const holders = processes.get(shard) ?? []
        if (!holders.includes(answer.process)) holders.push(answer.process)
        processes.set(shard, holders)
      }
    }
    return { owners, named, shards, processes }
  }

  async browse(
    place: Place,
    { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly Stored[]> {
    const { processes } = await this.#census(place)
    const found: Stored[] = []
    const from = after === undefined ? undefined : shardIn(after)
    let skipping = from !== undefined
    for (const shard of this.#shards()) {
      if (skipping && shard !== from) continue
      const past = skipping ? after : undefined
      skipping = false
      const left = limit - found.length
      if (left <= 0) break
      found.push(...(await this.#browse(place, shard, left, past, processes.get(shard) ?? [])))
    }
    return found
  }

  async #browse(place: Place, shard: string, limit: number, after: string | undefined, processes: readonly string[]): Promise<Stored[]> {
    const group = this.#group(place)
    const found: Stored[] = []
    for (const process of processes) {
      const question: Question = { what: 'browse', shard, parked: place.parked === true, limit, ...(after === undefined ? {} : { after }) }
      const answer = (await this.#world().members.ask(process, group, question)) as { shown?: Shown[] } | undefined
      for (const { position, message, note } of answer?.shown ?? []) found.push({ position, message: unpacked(message), note })
    }
    return processes.length > 0 ? found.slice(0, limit) : this.#peek(place, shard, limit, after)
  }

  /** What lies in a queue that nobody reads. */
  async #peek(place: Place, shard: string, limit: number, after?: string): Promise<Stored[]> {
    const queue = this.#queue(place, shard)
    if (place.parked === true) {
      const all = (await this.#readAlone(queue, atMost(allOfThem))).flatMap((raw) => storedOf(shard, raw))
      all.sort((a, b) => placeOf(a.position) - placeOf(b.position))
      return pageOf(all, limit, after)
    }
    const at = after === undefined ? () => -1 : finder(shard, after)
    const enough = (messages: readonly AmqpMessage[]): boolean => {
      const from = at(messages) + 1
      return (after === undefined || from > 0) && messages.length >= from + limit
    }
    const found = await this.#readAlone(queue, { first: limit, enough })
    return pageOf(
      found.flatMap((raw) => storedOf(shard, raw)),
      limit,
      after,
    )
  }

  /** Somebody else who looks is waited for. */
  async #readAlone(queue: string, wanted: Wanted): Promise<readonly AmqpMessage[]> {
    for (let tried = 0; tried < tries; tried++) {
      const found = await this.#whileOwning(queue, wanted, async (messages) => messages)
      if (found !== undefined) return found
      if ((await this.#unread(queue)).consumerCount > 0) break
    }
    return []
  }

  #whileOwning<T>(
    queue: string,
    wanted: Wanted,
    act: (messages: readonly AmqpMessage[], take: (message: AmqpMessage) => void) => Promise<T>,
  ) {
    const { topology, fences } = this.#world()
    return whileOwning(topology.ops, queue, (most) => fences.reading(most), wanted, act)
  }

  async amend(place: Place, position: string, note: ParkNote, message?: Message): Promise<boolean> {
    const shard = shardIn(position)
    const question: Question = { what: 'amend', shard, position, note, ...(message === undefined ? {} : { message: packed(message) }) }
    return this.#of({ ...place, parked: true }, shard, question, async (raw) => {
      const facts = factsOf(raw) as ParkedFacts
      const copy = { ...facts, copy: this.#world().runtime.id(), revision: facts.revision + 1, note }
      await this.put(this.#queue({ ...place, parked: true }, shard), message ?? messageOf(raw), copy)
    })
  }

  async move(from: Place, position: string, to: Place, note: ParkNote, message?: Message): Promise<boolean> {
    const { topology, runtime, members } = this.#world()
    const shard = shardIn(position)
    const key = message === undefined ? await this.#keyOf(from, position) : { key: message.key }
    if (key === undefined) return false
    const target = key.key === undefined ? unkeyed : String(shardOf(key.key, topology.shards))
    const queue = this.#queue({ ...to, parked: true }, target)
    await settled(topology.ops, { queue, args: topology.args(target !== unkeyed) })
    const facts: ParkedFacts = { copy: runtime.id(), revision: 1, note }
    const goal: Target = { queue, facts, ...(message === undefined ? {} : { message: packed(message) }) }
    const question: Question = { what: 'drop', shard, parked: from.parked === true, position, to: goal }
    const moved = await this.#of(from, shard, question, (raw) => this.put(queue, message ?? messageOf(raw), facts))
    if (moved) await members.askAll(this.#group(to), { what: 'parked', shard: target } satisfies Question)
    return moved
  }

  /** The key of a message; undefined where it is gone. */
  async #keyOf(place: Place, position: string): Promise<{ readonly key: string | undefined } | undefined> {
    const shard = shardIn(position)
    const { processes } = await this.#census(place)
    const owners = processes.get(shard) ?? []
    const all =
      owners.length > 0
        ? await this.#browse(place, shard, allOfThem, undefined, owners)
        : (await this.#readAlone(this.#queue(place, shard), until(finder(shard, position)))).flatMap((raw) => storedOf(shard, raw))
    const found = all.find((stored) => stored.position === position)
    return found === undefined ? undefined : { key: found.message.key }
  }

  async discard(place: Place, position: string): Promise<boolean> {
    const shard = shardIn(position)
    const question: Question = { what: 'drop', shard, parked: place.parked === true, position }
    return this.#of(place, shard, question, async () => undefined)
  }

  /** Asks the owner; where there is none, `act` is done with the message and it is acknowledged then. */
  async #of(place: Place, shard: string, question: Question, act: (raw: AmqpMessage) => Promise<void>): Promise<boolean> {
    const { members, topology } = this.#world()
    const position = 'position' in question ? question.position : ''
    for (let tried = 0; tried < tries; tried++) {
      const { processes } = await this.#census(place)
      for (const process of processes.get(shard) ?? []) {
        const answer = (await members.ask(process, this.#group(place), question)) as { done?: boolean } | undefined
        if (answer?.done === true) return true
      }
      if (processes.has(shard)) return false
      const at = finder(shard, position)
      const done = await this.#whileOwning(this.#queue(place, shard), until(at), async (messages, take) => {
        const raw = messages[at(messages)]
        if (raw === undefined) return false
        await act(raw)
        take(raw)
        return true
      })
      if (done !== undefined) return done
      await topology.ops.pause(100)
    }
    return false
  }

  /** Into a parking lot, confirmed. */
  async put(queue: string, message: Message, facts: ParkedFacts): Promise<void> {
    const { publisher, runtime, settings } = this.#world()
    const result = await new Promise((done) =>
      publisher.publish({
        exchange: '',
        routingKey: queue,
        content: bufferOf(message.body),
        properties: { ...parkProperties(message, facts), mandatory: true },
        id: message.id,
        deadline: runtime.monotonic() + settings.sendWithin,
        again: true,
        done,
      }),
    )
    if (result instanceof PabalError) throw result
    if (result !== 'sent') throw new PabalError('SEND_FAILED', `the queue ${queue} is gone`)
  }

  #shards(): string[] {
    return [...Array.from({ length: this.#world().topology.shards }, (_, n) => String(n)), unkeyed]
  }

  #groupName({ channel, group }: Place): string {
    return channel.kind === 'point-to-point' ? '' : (group ?? '')
  }

  #group(place: Place): string {
    return this.#world().topology.names.group(place.channel, this.#groupName(place))
  }

  #queue(place: Place, shard: string): string {
    const { names } = this.#world().topology
    const group = this.#groupName(place)
    return place.parked === true ? names.park(place.channel, group, shard) : names.queue(place.channel, group, shard)
  }
}

function factsOf(raw: AmqpMessage): ParkedFacts | undefined {
  const text = ownHeaderOf(raw, own.park)
  return typeof text === 'string' ? (JSON.parse(text) as ParkedFacts) : undefined
}

function storedOf(shard: string, raw: AmqpMessage): [Stored] {
  const facts = factsOf(raw)
  const message = messageOf(raw)
  return [
    {
      position: positionOf(shard, facts === undefined ? undefined : (facts.position ?? Number.MAX_SAFE_INTEGER), message.id),
      message,
      note: facts?.note,
    },
  ]
}

/** Where it is among the messages, of which there are more each time; -1 where it has not come. */
function finder(shard: string, position: string): (messages: readonly AmqpMessage[]) => number {
  let at = 0
  return (messages) => {
    while (at < messages.length && storedOf(shard, messages[at] as AmqpMessage)[0].position !== position) at++
    return at < messages.length ? at : -1
  }
}

const until = (at: (messages: readonly AmqpMessage[]) => number): Wanted => ({ first: looksFor, enough: (messages) => at(messages) >= 0 })

function pageOf(all: readonly Stored[], limit: number, after: string | undefined): Stored[] {
  const from = after === undefined ? 0 : all.findIndex(({ position }) => position === after) + 1
  return after !== undefined && from === 0 ? [] : all.slice(from, from + limit)
}

const placeOf = (position: string): number => Number((JSON.parse(position) as unknown[])[2])
