import { systemRuntime } from '../../../runtime/system.ts'
import { codes, isPassing, KafkaFault, LinkFault } from '../protocol/codes.ts'
import { type Api, findCoordinator, listOffsets, metadata } from '../protocol/protocol.ts'
import type { Address } from './address.ts'
import { Link, type Wiring } from './link.ts'

export const pause = (ms: number): Promise<void> => new Promise((resolve) => void systemRuntime.timer(ms, resolve))

/** 20 ms, doubled up to 2 s, each a little different. */
export const backoff = (attempt: number): number => Math.min(2000, 20 * 2 ** Math.min(attempt, 7)) * (0.75 + systemRuntime.random() / 2)

export interface KnownTopic {
  /** The leader's node of each partition; -1 where there is none now. */
  readonly leaders: readonly number[]
  readonly replicas: number
}

/** What a transport knows of its brokers: who leads which partition, and the connections for what is asked quickly. */
export class Cluster {
  readonly wiring: Wiring
  readonly #seeds: readonly Address[]
  readonly #brokers = new Map<number, Address>()
  readonly #topics = new Map<string, KnownTopic>()
  readonly #links = new Map<string, Link>()
  readonly #coordinators = new Map<string, number>()
  readonly #asking = new Map<string, Promise<void>>()
  #controller = -1
  #next = 0
  closed = false

  constructor(wiring: Wiring, seeds: readonly Address[]) {
    this.wiring = wiring
    this.#seeds = seeds
  }

  /** A connection of one's own to a broker, for what takes its time. */
  private(node: number, options: { readonly requestTimeout?: number; readonly maxInflights?: number } = {}): Link {
    const address = this.#brokers.get(node)
    if (address === undefined) throw new LinkFault(`broker ${node} is not known`, { unsent: true })
    return new Link(this.wiring, address, options)
  }

  /** The connection that all share for quick questions. */
  shared(node: number): Link {
    const address = this.#brokers.get(node)
    if (address === undefined) throw new LinkFault(`broker ${node} is not known`, { unsent: true })
    return this.#link(address)
  }

  #link(address: Address): Link {
    const name = `${address.host}:${address.port}`
    let link = this.#links.get(name)
    if (link === undefined) this.#links.set(name, (link = new Link(this.wiring, address)))
    return link
  }

  /** Asks any broker, the others where one does not answer. */
  async any<Ask, Answer>(api: Api<Ask, Answer>, ask: Ask): Promise<Answer> {
    const all = [...this.#brokers.values(), ...this.#seeds]
    let failure: unknown
    for (let i = 0; i < all.length; i++) {
      if (this.closed) break
      try {
        return await this.#link(all[(this.#next + i) % all.length] as Address).call(api, ask)
      } catch (error) {
        failure = error
        this.#next++
      }
    }
    throw failure ?? new LinkFault('the transport is closed', { unsent: true })
  }

  async controller<Ask, Answer>(api: Api<Ask, Answer>, ask: Ask): Promise<Answer> {
    if (!this.#brokers.has(this.#controller)) return this.any(api, ask)
    return this.shared(this.#controller).call(api, ask)
  }

  get nodes(): readonly number[] {
    return [...this.#brokers.keys()]
  }

  topic(name: string): KnownTopic | undefined {
    return this.#topics.get(name)
  }

  /** Who leads its partitions is to be asked again; how many there are is still known. */
  forget(topic: string): void {
    const known = this.#topics.get(topic)
    if (known !== undefined) this.#topics.set(topic, { leaders: known.leaders.map(() => -1), replicas: known.replicas })
  }

  /** Learns about topics; those that do not exist are forgotten. `null`: all of them, whose names it returns. */
  async refresh(topics: readonly string[] | null): Promise<readonly string[]> {
    const answer = await this.any(metadata, topics)
    this.#controller = answer.controller
    for (const { node, host, port } of answer.brokers) this.#brokers.set(node, { host, port })
    const names: string[] = []
    for (const { name, code, partitions } of answer.topics) {
      if (code === codes.TOPIC_AUTHORIZATION_FAILED || code === codes.INVALID_TOPIC) throw new KafkaFault(code, `topic ${name}`)
      if (code === codes.UNKNOWN_TOPIC_OR_PARTITION) {
        this.#topics.delete(name)
        continue
      }
      names.push(name)
      const leaders: number[] = new Array(partitions.length).fill(-1)
      for (const { index, leader } of partitions) leaders[index] = leader
      if (code === 0) this.#topics.set(name, { leaders, replicas: partitions[0]?.replicas ?? 0 })
    }
    return names
  }

  /** The topic, asked for once where it is not known. Undefined where there is none. */
  async learn(name: string): Promise<KnownTopic | undefined> {
    const known = this.#topics.get(name)
    if (known?.leaders.every((leader) => leader >= 0)) return known
    let asking = this.#asking.get(name)
    if (asking === undefined) {
      asking = this.refresh([name]).then(() => undefined)
      this.#asking.set(name, asking)
      asking.finally(() => this.#asking.delete(name)).catch(() => undefined)
    }
    await asking
    return this.#topics.get(name)
  }

  /** Where each partition ends (-1) or begins (-2), or where a time lies. Waits for leaders that are being chosen. */
  async offsets(topic: string, partitions: readonly number[], time = -1): Promise<number[]> {
    return this.patiently(async () => {
      const known = await this.learn(topic)
      const byNode = new Map<number, number[]>()
      for (const partition of partitions) {
        const leader = known?.leaders[partition] ?? -1
        if (leader < 0) {
          this.forget(topic)
          throw new KafkaFault(known === undefined ? codes.UNKNOWN_TOPIC_OR_PARTITION : codes.LEADER_NOT_AVAILABLE, topic)
        }
        byNode.set(leader, [...(byNode.get(leader) ?? []), partition])
      }
      const found = new Map<number, number>()
      await Promise.all(
        [...byNode].map(async ([node, some]) => {
          const asked = new Map([[topic, some.map((partition) => ({ partition, time }))]])
          for (const { partitions: answers } of await this.shared(node).call(listOffsets, asked))
            for (const { partition, code, offset } of answers) {
              if (code !== 0) {
                this.forget(topic)
                throw new KafkaFault(code, `${topic}/${partition}`)
              }
              found.set(partition, offset)
            }
        }),
      )
      return partitions.map((partition) => found.get(partition) ?? 0)
    })
  }

  /** The broker that keeps a group. */
  async coordinator(group: string): Promise<number> {
    const known = this.#coordinators.get(group)
    if (known !== undefined) return known
    const { code, said, node, host, port } = await this.any(findCoordinator, group)
    if (code !== 0) throw new KafkaFault(code, `the coordinator of ${group}`, said)
    this.#brokers.set(node, { host, port })
    this.#coordinators.set(group, node)
    return node
  }

  forgetCoordinator(group: string): void {
    this.#coordinators.delete(group)
  }

  /** Asks the group's coordinator, and the next one where it moved. `codeIn`: what the answer says. */
  async coordinated<Ask, Answer>(group: string, api: Api<Ask, Answer>, ask: Ask, codeIn: (answer: Answer) => number): Promise<Answer> {
    return this.patiently(async () => {
      const node = await this.coordinator(group)
      try {
        const answer = await this.shared(node).call(api, ask)
        const code = codeIn(answer)
        if (code !== 0) throw new KafkaFault(code, `${api.name} of ${group}`)
        return answer
      } catch (error) {
        if (error instanceof LinkFault || (error instanceof KafkaFault && isPassing(error.code))) this.forgetCoordinator(group)
        throw error
      }
    })
  }

  /** Tries again what passes, for up to `forMs` milliseconds. */
  async patiently<T>(act: () => Promise<T>, forMs = 15_000): Promise<T> {
    const until = systemRuntime.monotonic() + forMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await act()
      } catch (error) {
        const passing = error instanceof LinkFault ? !error.hopeless : error instanceof KafkaFault && isPassing(error.code)
        if (!passing || this.closed || systemRuntime.monotonic() > until) throw error
        if (error instanceof LinkFault) await this.refresh([]).catch(() => undefined)
      }
      await pause(backoff(attempt))
    }
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.#links.values()].map((link) => link.close()))
  }
}
