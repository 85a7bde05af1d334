import type { Channel } from '../../channel/channel.ts'
import { Faults, PabalError } from '../../errors.ts'
import type { FaultPoint, Runtime } from '../../runtime/runtime.ts'
import type { Capabilities } from '../capabilities.ts'
import type { Inbox, Outgoing, Receive, SendResult, StateListener, SubscribeOptions, Subscription, Transport } from '../seam.ts'
import { MemoryAdmin } from './admin.ts'
import type { Hold } from './entry.ts'
import type { Hub } from './hub.ts'
import { MemoryInbox } from './inbox.ts'
import { Member } from './member.ts'

const oneSent: readonly SendResult[] = Object.freeze(['sent' as const])

const never = (): Promise<void> => new Promise(() => {})

/** One member of a hub: what would be one process's connection to a broker. */
export class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly admin: MemoryAdmin
  readonly runtime: Runtime
  readonly label: string
  readonly members = new Set<Member>()
  readonly inboxes = new Set<MemoryInbox>()
  state: 'open' | 'frozen' | 'crashed' | 'closed' = 'open'
  readonly #hub: Hub
  #listener: StateListener | undefined
  /** What must happen in order and cannot happen now: the transport is frozen, or a fault point made it wait. */
  #chain: Promise<void> | undefined
  #thawed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined
  #lostHolds: Hold[] = []
  #closing: Promise<void> | undefined

  constructor(hub: Hub, label: string, runtime: Runtime) {
    this.#hub = hub
    this.label = label
    this.runtime = runtime
    this.admin = new MemoryAdmin(hub)
  }

  async open(listener: StateListener): Promise<Capabilities> {
    this.#mustBeOpen()
    this.#listener = listener
    listener({ ready: true })
    return this.#hub.capabilities
  }

  async provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    this.#mustBeOpen()
    const faults = new Faults()
    for (const channel of channels) {
      const there = this.#hub.topics.get(channel.address)
      if (there !== undefined && there.channel.kind !== channel.kind)
        faults.add(
          'INVALID_CONFIGURATION',
          `the channel ${channel.address} is ${there.channel.kind}, it was given as ${channel.kind}: use one kind everywhere`,
        )
      else if (there === undefined && mode === 'check')
        faults.add('INVALID_CONFIGURATION', `there is no channel ${channel.address}: provision with 'create', or make it first`)
    }
    faults.throwIfAny('INVALID_CONFIGURATION', 'memory:')
    for (const channel of channels) this.#hub.topic(channel)
  }

  send(batch: readonly Outgoing[]): readonly SendResult[] | Promise<readonly SendResult[]> {
    if (this.state === 'open' && this.runtime.point === undefined) return this.#send(batch)
    if (this.state === 'closed') return batch.map((outgoing) => this.#closed(outgoing.message.id))
    return new Promise((resolve) => {
      this.inTurn(() => {
        const results = this.#send(batch)
        this.inTurn(() => resolve(results), 'transport.commit.after')
      }, 'transport.commit.before')
    })
  }

  #send(batch: readonly Outgoing[]): readonly SendResult[] | Promise<readonly SendResult[]> {
    const hub = this.#hub
    if (batch.length === 1) {
      const result = hub.send(batch[0] as Outgoing)
      if (result === 'sent') return hub.turns.paced(oneSent) ?? oneSent
      return [result]
    }
    const results = batch.map((outgoing) => hub.send(outgoing))
    return hub.turns.paced(results) ?? results
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    this.#mustBeOpen()
    for (const bound of ['maxMessages', 'maxBytes'] as const) {
      if (!(options[bound] >= 1))
        throw new PabalError('INVALID_OPTION', `${bound} is ${String(options[bound])}, give a number of at least 1`)
    }
    const group = this.#hub.topic(channel).group(options.group, options.durable)
    const member = new Member(`${this.label}/${++this.#hub.names}`, this, group, options, receive)
    this.members.add(member)
    group.join(member)
    return member
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    this.#mustBeOpen()
    const address = `inbox.${owner.replace(/[^\w.:@/+=~-]/g, '_').slice(0, 200)}.${this.#hub.runtime.id()}`
    const inbox = new MemoryInbox(address, this.#hub, this, receive)
    this.inboxes.add(inbox)
    return inbox
  }

  async receivers(channel: Channel): Promise<readonly string[]> {
    const groups = this.#hub.topics.get(channel.address)?.transient ?? []
    return groups.map((group) => group.name).filter((name) => name !== undefined)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.state === 'crashed') return
    for (const inbox of [...this.inboxes]) inbox.vanish()
    await Promise.all([...this.members].map((member) => member.close()))
    this.state = 'closed'
    this.#hub.opened(this, false)
    this.#listener?.({ ready: false, reason: 'closed' })
  }

  /** Runs `run` after what came before it, once the fault point lets it pass and the transport is not frozen. Never after a crash. */
  inTurn(run: () => void, point: FaultPoint): void {
    if (this.#chain === undefined && this.state === 'open') {
      const wait = this.pass(point)
      if (wait === undefined) run()
      else this.#queue(wait, run)
      return
    }
    this.#queue(this.#chain ?? Promise.resolve(), () => {
      const wait = this.pass(point)
      if (wait === undefined) return run()
      return wait.then(() => this.#unfrozen(run))
    })
  }

  /** A fault point of this member's process. One that throws is a crash: nothing comes after it. */
  pass(point: FaultPoint): Promise<void> | undefined {
    const crashed = (): Promise<void> => {
      this.crash()
      return never()
    }
    try {
      return this.runtime.point?.(point)?.catch(crashed)
    } catch {
      return crashed()
    }
  }

  #queue(before: Promise<void>, run: () => void | Promise<void>): void {
    const mine: Promise<void> = before
      .then(() => this.#unfrozen(run))
      .then(() => {
        if (this.#chain === mine) this.#chain = undefined
      })
    this.#chain = mine
  }

  /** Runs it now, or after the thaw, or never. */
  #unfrozen(run: () => void | Promise<void>): void | Promise<void> {
    if (this.state === 'frozen') return this.#thawed?.promise.then(() => this.#unfrozen(run))
    if (this.state === 'crashed') return never()
    return run()
  }

  /** Resolves when all that can run now has run: settlements whose promises are resolved have arrived then. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => this.runtime.timer(0, resolve))
    await this.#unfrozen(() => {})
    await this.#chain
  }

  /** As a SIGKILL: settles and sends nothing more. Its shards are taken over after a while, its inboxes are gone. */
  crash(): void {
    if (this.state === 'crashed' || this.state === 'closed') return
    this.state = 'crashed'
    for (const inbox of [...this.inboxes]) inbox.vanish()
    this.#later(this.#hub.limits.takeover.killed, () => this.#evict(true))
  }

  /** As a SIGSTOP: nothing happens here until `thaw`; meanwhile the shards are taken over. */
  freeze(): void {
    if (this.state !== 'open') return
    this.state = 'frozen'
    let resolve = (): void => {}
    const promise = new Promise<void>((done) => {
      resolve = done
    })
    const thawed = { promise, resolve }
    this.#thawed = thawed
    this.#later(this.#hub.limits.takeover.frozen, () => {
      if (this.#thawed === thawed && this.state === 'frozen') this.#evict(false)
    })
  }

  /** As a SIGCONT. Learns what it lost, then goes on where it was. */
  thaw(): void {
    if (this.state !== 'frozen') return
    this.state = 'open'
    const { resolve } = this.#thawed ?? {}
    this.#thawed = undefined
    for (const hold of this.#lostHolds.splice(0)) hold.lose()
    for (const inbox of this.inboxes) inbox.wake()
    for (const member of this.members) {
      if (member.evicted) {
        member.evicted = false
        member.group.join(member)
      } else member.group.resume(member)
    }
    resolve?.()
  }

  #evict(dead: boolean): void {
    for (const member of this.members) {
      member.evicted = true
      const holds = member.group.evict(member, dead)
      if (dead) for (const hold of holds) hold.lose()
      else this.#lostHolds.push(...holds)
    }
    if (dead) {
      this.members.clear()
      this.#hub.opened(this, false)
    }
  }

  #later(ms: number, wake: () => void): void {
    this.#hub.alarms.set(this.#hub.runtime.now() + ms, { wake })
  }

  #mustBeOpen(): void {
    if (this.state === 'closed' || this.state === 'crashed') throw this.#closed()
  }

  #closed(id?: string): PabalError {
    return new PabalError('CLOSED', `this memory transport is ${this.state}`, id === undefined ? {} : { id })
  }

  /** Offers each of its shards to the next member of its group. */
  handOver(): void {
    for (const member of this.members) for (const shard of member.group.shards) if (shard.owner === member) member.group.offer(shard)
  }
}
