import type { Channel } from '../../src/channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../../src/channel/names.ts'
import { createConsumer } from '../../src/delivery/consumer.ts'
import { emptyCounters } from '../../src/delivery/counters.ts'
import type { Consumer, HandleContext } from '../../src/delivery/types.ts'
import { type Message, none } from '../../src/message/message.ts'
import { type SimulatedProcess, type Simulation, simulate } from '../../src/testing/simulation/index.ts'
import { createHub, type MemoryHub } from '../../src/transport/memory/index.ts'
import type { Outgoing, Place, Stored, Transport } from '../../src/transport/seam.ts'
import { type Ends, Ledger, type Run, type Witness } from './ledger.ts'
import { broken, type Mutation, watched } from './mutations.ts'
import { drawScenario, type PlannedEvent, type PlannedMessage, type Scenario } from './scenario.ts'

const out: Channel = { address: 'out', kind: 'point-to-point' }
const never = (): Promise<never> => new Promise(() => {})
const mostMembers = 16
const mostDeliveries = 20_000
/** After the faults are over everything must be handled within so many virtual milliseconds. */
const patience = 120_000

export interface Verdict {
  readonly problems: readonly string[]
  /** What happened, and how often. */
  readonly seen: ReadonlyMap<string, number>
  /** Of everything that was traced. */
  readonly hash: number
  readonly log: readonly string[] | undefined
}

/** Runs the interleaving that a seed stands for. */
export async function play(
  seed: number,
  options: { readonly mutation?: Mutation | undefined; readonly keepLog?: boolean } = {},
): Promise<Verdict> {
  const simulation = simulate(seed, options)
  const world = new World(simulation, drawScenario(simulation.draw), options.mutation)
  await world.play()
  return { problems: world.ledger.problems, seen: world.ledger.seen, hash: simulation.hash, log: simulation.log }
}

class Member implements Witness {
  readonly name: string
  readonly group: string
  readonly process: SimulatedProcess
  readonly transport: Transport
  readonly old: boolean
  readonly disturbed: number[] = []
  consumer: Consumer | undefined
  leaving = false

  constructor(name: string, group: string, process: SimulatedProcess, transport: Transport, old: boolean) {
    this.name = name
    this.group = group
    this.process = process
    this.transport = transport
    this.old = old
  }
}

class World {
  readonly ledger: Ledger
  readonly #simulation: Simulation
  readonly #scenario: Scenario
  readonly #mutation: Mutation | undefined
  readonly #hub: MemoryHub
  readonly #channel: Channel
  readonly #members: Member[] = []
  readonly #messages: ReadonlyMap<string, PlannedMessage>
  readonly #discarded = new Set<string>()
  #healthy = false
  #deliveries = 0

  constructor(simulation: Simulation, scenario: Scenario, mutation: Mutation | undefined) {
    this.#simulation = simulation
    this.#scenario = scenario
    this.#mutation = mutation
    this.ledger = new Ledger(simulation)
    this.#channel = { address: 'Order', kind: scenario.kind }
    this.#messages = new Map(scenario.messages.map((message) => [message.id, message]))
    simulation.plan = scenario.faults
    this.#hub = createHub({ runtime: simulation.runtime, shards: scenario.shards, takeover: scenario.takeover })
  }

  async play(): Promise<void> {
    const { members, messages, events, end, groups } = this.#scenario
    const { runtime } = this.#simulation
    for (const { group, old } of members) this.#join(group, old)
    this.#produce(messages)
    for (const event of events) runtime.timer(event.at, () => this.#happen(event))
    await this.#simulation.run(end)
    this.#simulation.endFaults()
    this.#healthy = true
    for (const group of groups) this.#join(group, false)
    await this.#calm()
    await this.#redrive()
    await this.#account()
  }

  #produce(messages: readonly PlannedMessage[]): void {
    const process = this.#simulation.process('producer')
    const transport = this.#hub.transport('producer', process)
    process.fate = {
      crashed: () => this.#hub.crash(transport),
      frozen: () => this.#hub.freeze(transport),
      thawed: () => this.#hub.thaw(transport),
    }
    for (const planned of messages) {
      process.timer(planned.at, () => {
        void Promise.resolve(transport.send([{ channel: this.#channel, message: messageOf(planned), durable: true }])).then(([result]) => {
          if (result !== 'sent') return this.ledger.problem(`sending ${planned.id} resulted in ${String(result)}`)
          if (process.state !== 'crashed') this.ledger.acknowledged.add(planned.id)
        })
      })
    }
  }

  #join(group: string, old: boolean): void {
    if (this.#members.length >= mostMembers && !this.#healthy) return
    const name = `${group}${this.#members.length}${old ? 'o' : ''}`
    const process = this.#simulation.process(name)
    const own = this.#hub.transport(name, process)
    const transport = watched(own, () => this.#seen())
    const member = new Member(name, group, process, this.#mutation === undefined ? transport : broken(transport, this.#mutation), old)
    process.fate = {
      crashed: () => {
        this.#hub.crash(own)
        this.ledger.crashed(member)
        const { restart } = this.#scenario
        if (restart !== undefined && !this.#healthy) this.#simulation.runtime.timer(restart, () => this.#join(group, false))
      },
      frozen: () => {
        this.ledger.frozen(member)
        this.#hub.freeze(own)
      },
      thawed: () => {
        this.#hub.thaw(own)
        this.ledger.thawed(member)
      },
      handOver: () => this.#hub.handOver(own),
    }
    this.#members.push(member)
    this.#simulation.trace(`${name} joins`)
    void this.#consume(member).catch((error: unknown) => this.ledger.problem(`${name} could not subscribe: ${String(error)}`))
  }

  async #consume(member: Member): Promise<void> {
    const capabilities = await member.transport.open(() => {})
    member.consumer = await createConsumer({
      transport: member.transport,
      capabilities,
      runtime: member.process,
      channel: this.#channel,
      group: member.group,
      durable: true,
      policy: this.#scenario.policy,
      unknown: 'grace',
      counters: emptyCounters(),
      route: (message) =>
        member.old && message.type === 'New'
          ? undefined
          : { decode: () => undefined, handle: (_, context) => this.#handle(member, message, context) },
      report: ({ what, message }) => {
        const name = `${member.group} ${message.id}`
        if (what === 'discarded') this.#discarded.add(name)
        else if (what === 'dead-lettered' || what === 'invalid') this.ledger.givenUp.add(name)
      },
    })
  }

  async #handle(member: Member, { id }: Message, { delivery, attempt }: HandleContext): Promise<readonly Outgoing[]> {
    const { process } = member
    if (process.state === 'crashed') return never()
    const message = this.#messages.get(id) as PlannedMessage
    const run: Run = { witness: member, message, delivery, began: this.#simulation.runtime.monotonic(), ended: Number.POSITIVE_INFINITY }
    const times = this.ledger.begin(run)
    if (attempt < 1) this.ledger.problem(`${id} is attempt ${attempt}`)
    if (message.slow > 0) await process.sleep(message.slow)
    if (!this.#healthy && times <= message.kills) {
      process.crash()
      return never()
    }
    if (!this.#healthy && times <= message.fails) {
      this.ledger.end(run, false)
      throw new Error(`${id} fails for the ${times}th time`)
    }
    this.ledger.end(run, true)
    return Array.from({ length: 1 + message.emits }, (_, i) => this.#emission(member.group, message, i))
  }

  /** So many deliveries are a loop that never ends, in no time at all: it is cut, to be seen. */
  #seen(): Promise<never> | undefined {
    if (++this.#deliveries < mostDeliveries) return undefined
    if (this.#deliveries === mostDeliveries)
      this.ledger.problem(`there were ${mostDeliveries} deliveries: the same are handed out again and again`)
    return never()
  }

  #emission(group: string, message: PlannedMessage, i: number): Outgoing {
    const notBefore = message.delayed > 0 ? this.#simulation.runtime.now() + message.delayed : undefined
    return { channel: out, message: { ...messageOf(message), id: `${group} ${message.id} ${i}`, key: undefined }, durable: true, notBefore }
  }

  #happen({ what, group, ms, pick }: PlannedEvent): void {
    if (what === 'join') return this.#join(group, false)
    const there = this.#members.filter(
      (member) => member.group === group && member.process.state === 'running' && !member.leaving && member.consumer !== undefined,
    )
    const member = there[pick % Math.max(1, there.length)]
    if (member === undefined) return
    if (what === 'crash') member.process.crash()
    else if (what === 'freeze') member.process.freeze(ms)
    else if (what === 'handover') member.process.fate.handOver?.()
    else void this.#leave(member, ms)
  }

  async #leave(member: Member, deadline: number): Promise<void> {
    member.leaving = true
    this.#simulation.trace(`${member.name} leaves`)
    await member.consumer?.close(deadline).catch(() => this.ledger.closedLate(member))
    await member.transport.close()
    this.#simulation.trace(`${member.name} left`)
    this.ledger.saw('left')
  }

  /** Until nothing more happens by itself. */
  async #calm(): Promise<void> {
    const { runtime } = this.#simulation
    const limit = runtime.monotonic() + patience
    if (await this.#simulation.run(() => runtime.monotonic() > limit)) this.ledger.problem('the system does not come to rest')
  }

  /** A person looks after what waits for one. */
  async #redrive(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      const waiting = (await Promise.all(this.#scenario.groups.map((group) => this.#parked(group)))).flat()
      if (waiting.length === 0) return
      for (const { place, stored } of waiting) {
        const order = this.#simulation.draw.pick(['redrive', 'redrive', 'skip', 'discard'])
        if (stored.note === undefined || stored.note.order !== undefined || stored.note.due !== undefined) continue
        this.#simulation.trace(`${order} ${stored.message.id}`)
        await this.#admin.amend(place, stored.position, { ...stored.note, order })
      }
      await this.#calm()
    }
    this.ledger.problem('parked messages stay although a person gave orders for them')
  }

  async #parked(group: string): Promise<{ place: Place; stored: Stored }[]> {
    const place: Place = { channel: this.#channel, group, parked: true }
    return (await this.#admin.browse(place, { limit: 1000 })).map((stored) => ({ place, stored }))
  }

  get #admin(): NonNullable<Transport['admin']> {
    const { admin } = (this.#members.at(-1) as Member).transport
    if (admin === undefined) throw new Error('the memory transport has an admin')
    return admin
  }

  /** Compares what lies in the channels with the ledger. */
  async #account(): Promise<void> {
    const { groups, messages } = this.#scenario
    const ends = new Map<string, Ends>()
    const endOf = (group: string, id: string): Ends => {
      const name = `${group} ${id}`
      let end = ends.get(name)
      if (end === undefined) ends.set(name, (end = { handled: 0, dead: 0, invalid: 0, discarded: this.#discarded.has(name) ? 1 : 0 }))
      return end
    }
    const emitted = new Map<string, number>()
    const lyingIn = async (channel: Channel): Promise<string[]> =>
      (await this.#admin.browse({ channel }, { limit: 10_000 })).map(({ message }) => message.id)
    const sent = await lyingIn(out)
    let left = sent.length
    for (const name of sent) {
      const [group, id, i] = name.split(' ') as [string, string, string]
      if (i === '0') endOf(group, id).handled++
      emitted.set(name, (emitted.get(name) ?? 0) + 1)
    }
    for (const group of groups) {
      const dead = await lyingIn(deadLetterChannel(this.#channel, group))
      const invalid = await lyingIn(invalidMessageChannel(this.#channel, group))
      for (const id of dead) endOf(group, id).dead++
      for (const id of invalid) endOf(group, id).invalid++
      left += dead.length + invalid.length
      for (const message of messages) {
        for (let i = 1; i <= message.emits; i++) {
          const count = emitted.get(`${group} ${message.id} ${i}`) ?? 0
          const { handled } = endOf(group, message.id)
          if (count !== handled)
            this.ledger.problem(
              `${message.id} of ${group} was settled as handled ${handled} times, and its emission ${i} is there ${count} times`,
            )
        }
      }
    }
    for (const depth of await this.#admin.depths()) {
      if (depth.channel.address === this.#channel.address && depth.waiting + depth.parked > 0)
        this.ledger.problem(`${depth.waiting} messages wait and ${depth.parked} are parked in ${depth.group ?? 'the queue'} at the end`)
    }
    if (this.#hub.stored.messages !== left && this.ledger.problems.length === 0)
      this.ledger.problem(`the hub counts ${this.#hub.stored.messages} messages, there are ${left}`)
    this.ledger.check(groups, messages, (group, message) => endOf(group, message.id))
  }
}

const body = new Uint8Array(0)

function messageOf({ id, key, type }: PlannedMessage): Message {
  return {
    id,
    source: 'producer',
    type,
    kind: 'event',
    version: 1,
    time: 0,
    contentType: 'application/json',
    key,
    extensions: none,
    headers: none,
    body,
  }
}
