import { PabalError } from '../../../errors.ts'
import type { Message } from '../../../message/message.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { ParkNote } from '../../seam.ts'
import { Entry } from '../../shared/entry.ts'
import type { AmqpChannel, AmqpMessage } from '../driver.ts'
import type { Link } from '../link/link.ts'
import { shut } from '../link/shut.ts'
import type { Published, Publisher } from '../send/publisher.ts'
import { exists, settled, settledMark } from '../topology/declare.ts'
import type { Topology } from '../topology/topology.ts'
import type { Properties } from '../wire/frames.ts'
import { bufferOf, messageOf, nudge, own, ownHeaderOf, propertiesOf } from '../wire/wire.ts'
import { allOfThem } from './returned.ts'
import type { ParkStore } from './shard.ts'

/** What stands beside a parked message. */
export interface ParkedFacts {
  /** Names this copy: a changed note is another copy. */
  readonly copy: string
  /** Rises with every copy of the same message. */
  readonly revision: number
  /** The place in the shard; absent where an admin put it there: behind all others. */
  readonly position?: number | undefined
  /** Ids of the messages of its key that went before it and were not settled. */
  readonly before?: readonly string[] | undefined
  readonly note: ParkNote
}

export const parkProperties = (message: Message, facts: ParkedFacts): Properties =>
  propertiesOf(message, true, { [own.park]: JSON.stringify(facts) })

/** The broker's handle of a copy: its delivery tag, which comes a moment after it was published. */
interface Copy extends ParkedFacts {
  tag: number | undefined
  came: (() => void)[]
}

/** Brokers give up on what is unacknowledged for half an hour: everything is handed back and taken anew before. */
const renewEvery = 10 * 60_000
const publishWithin = 30_000

/**
 * The parking lot of a shard: a queue, made when something is parked first, whose messages the shard's owner holds. Changing a
 * message is publishing its next copy and acknowledging the one before.
 */
export class Parks implements ParkStore {
  readonly #queue: string
  readonly #single: boolean
  readonly #link: Link
  readonly #topology: Topology
  readonly #publisher: Publisher
  readonly #runtime: Runtime
  readonly #arrived: (entry: Entry) => void
  readonly #copies = new Map<string, Copy>()
  #channel: AmqpChannel | undefined
  #opening: Promise<void> | undefined
  #made = false
  #making: Promise<void> | undefined
  #closed = false
  #position = 0
  #mark: (() => void) | undefined
  readonly #markId: string
  #loading: Map<string, { entry: Entry; facts: ParkedFacts }> | undefined
  #renewing: { cancel(): void } | undefined

  /** `single`: one owner has it all. Otherwise all members share it, and each holds what came to it. */
  constructor(
    queue: string,
    single: boolean,
    world: { link: Link; topology: Topology; publisher: Publisher; runtime: Runtime },
    arrived: (entry: Entry) => void,
  ) {
    this.#queue = queue
    this.#single = single
    this.#link = world.link
    this.#topology = world.topology
    this.#publisher = world.publisher
    this.#runtime = world.runtime
    this.#arrived = arrived
    this.#markId = `mark ${world.runtime.id()}`
  }

  /** Everything that is parked. It takes one question where nothing is. */
  async load(): Promise<{ entries: Entry[]; before: Map<Entry, readonly string[]> }> {
    const loaded = { entries: [] as Entry[], before: new Map<Entry, readonly string[]>() }
    if (!(await this.#isThere())) return loaded
    const found = (this.#loading = new Map())
    const marked = new Promise<void>((resolve) => {
      this.#mark = resolve
    })
    const mark = { ...propertiesOf(nudge, false, { [own.nudge]: this.#markId }), mandatory: true }
    const result = await this.#publish(nudge, mark)
    if (result instanceof PabalError) throw result
    if (result === 'sent') {
      this.#made = true
      await this.#open()
      await marked
    }
    this.#loading = undefined
    for (const { entry, facts } of found.values()) {
      loaded.entries.push(entry)
      if (facts.before !== undefined) loaded.before.set(entry, facts.before)
    }
    return loaded
  }

  /** Begins to read where there is something; for a lot that members share. */
  async look(): Promise<void> {
    if (this.#channel !== undefined || this.#closed) return
    if (!(await this.#isThere())) return
    this.#made = true
    await this.#open()
  }

  /** Asked by its mark: a queue that was just being made when its node was killed would never answer. */
  #isThere(): Promise<boolean> {
    return exists(this.#topology.ops, settledMark(this.#queue))
  }

  async add(entry: Entry, note: ParkNote, before: readonly string[]): Promise<boolean> {
    const { position } = entry
    this.#position = Math.max(this.#position, Math.ceil(position))
    const facts: ParkedFacts = { copy: this.#runtime.id(), revision: 1, position, note, ...(before.length > 0 ? { before } : {}) }
    // In the order of the calls: nothing is waited for where the queue was found, and all wait for the same where it is made.
    if (!this.#made || this.#making !== undefined) await (this.#making ??= this.#make())
    await this.#keep(entry, entry.message, facts)
    return this.#single
  }

  async amend(entry: Entry, note: ParkNote, message = entry.message): Promise<boolean> {
    const old = entry.handle as Copy
    await this.#keep(entry, message, { copy: this.#runtime.id(), revision: old.revision + 1, position: entry.position, note })
    await this.#ack(old)
    return this.#single
  }

  async remove(entry: Entry): Promise<void> {
    await this.#ack(entry.handle as Copy)
  }

  async #make(): Promise<void> {
    try {
      await settled(this.#topology.ops, { queue: this.#queue, args: this.#topology.args(this.#single) }, () => !this.#closed)
      this.#made = true
      await this.#open()
    } catch (error) {
      this.#making = undefined
      throw error
    }
  }

  async #keep(entry: Entry, message: Message, facts: ParkedFacts): Promise<void> {
    const copy: Copy = { ...facts, tag: undefined, came: [] }
    if (this.#single) this.#copies.set(facts.copy, copy)
    const result = await this.#publish(message, { ...parkProperties(message, facts), mandatory: true })
    if (result !== 'sent') {
      this.#copies.delete(facts.copy)
      this.#made = false
      this.#making = undefined
      throw result === 'unrouted' ? new PabalError('SEND_FAILED', `the queue ${this.#queue} is gone`) : result
    }
    if (this.#single) entry.handle = copy
  }

  async #ack(copy: Copy): Promise<void> {
    while (copy.tag === undefined) {
      if (this.#closed) throw new PabalError('FENCED', 'the shard went to another consumer')
      await new Promise<void>((resolve) => copy.came.push(resolve))
    }
    const { tag } = copy
    this.#copies.delete(copy.copy)
    try {
      this.#channel?.ack({ fields: { deliveryTag: tag }, properties: {}, content: Buffer.alloc(0) })
    } catch (cause) {
      throw new PabalError('FENCED', 'the shard was lost', { cause })
    }
  }

  #publish(message: Message, properties: Properties): Promise<Published> {
    return new Promise((done) =>
      this.#publisher.publish({
        exchange: '',
        routingKey: this.#queue,
        content: bufferOf(message.body),
        properties,
        id: message.id,
        deadline: this.#runtime.monotonic() + publishWithin,
        again: true,
        wanted: () => !this.#closed,
        done,
      }),
    )
  }

  #open(): Promise<void> {
    this.#opening ??= (async () => {
      const { connection } = this.#link
      if (connection === undefined) throw new PabalError('FENCED', 'there is no connection')
      const channel = await connection.createChannel()
      channel.on('error', () => undefined)
      this.#channel = channel
      if (this.#closed) {
        await shut(channel)
        return
      }
      // Where nothing is said a quorum queue gives 2000, and the mark behind them would never come.
      await channel.prefetch(allOfThem)
      await channel.consume(this.#queue, (message) => message && this.#take(message))
      this.#renew()
    })()
    return this.#opening
  }

  /** All that is held comes again, with new tags. */
  #renew(): void {
    this.#renewing = this.#runtime.timer(
      renewEvery,
      () => {
        for (const copy of this.#copies.values()) copy.tag = undefined
        this.#channel?.recover().catch(() => undefined)
        this.#renew()
      },
      true,
    )
  }

  #take(raw: AmqpMessage): void {
    const text = ownHeaderOf(raw, own.park)
    const tag = raw.fields.deliveryTag as number
    if (typeof text !== 'string') {
      // The mark behind all that was parked, or something that does not belong here.
      this.#channel?.ack(raw)
      // Another's may stand before what is parked.
      if (ownHeaderOf(raw, own.nudge) === this.#markId) this.#mark?.()
      return
    }
    const facts = JSON.parse(text) as ParkedFacts
    const known = this.#copies.get(facts.copy)
    if (known !== undefined) {
      known.tag = tag
      for (const resolve of known.came.splice(0)) resolve()
      return
    }
    const copy: Copy = { ...facts, tag, came: [] }
    this.#copies.set(facts.copy, copy)
    // More is not given before some of it is settled.
    if (this.#copies.size >= allOfThem) this.#mark?.()
    const position = facts.position ?? ++this.#position
    this.#position = Math.max(this.#position, Math.ceil(position))
    const entry = new Entry(position, messageOf(raw), facts.note, copy)
    if (this.#loading === undefined) this.#arrived(entry)
    else this.#load(entry, copy)
  }

  /** An owner may have died between a changed copy and the end of the one before: the later one counts. */
  #load(entry: Entry, copy: Copy): void {
    const key = `${entry.position} ${entry.message.id}`
    const there = this.#loading?.get(key)
    const older = there !== undefined && there.facts.revision > copy.revision ? copy : (there?.entry.handle as Copy | undefined)
    if (older !== copy) this.#loading?.set(key, { entry, facts: copy })
    if (older !== undefined) void this.#ack(older)
  }

  /** Lets go of everything: what is parked goes to the next owner. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#renewing?.cancel()
    this.#mark?.()
    for (const { came } of this.#copies.values()) for (const resolve of came.splice(0)) resolve()
    await this.#opening?.catch(() => undefined)
    await shut(this.#channel)
  }
}
