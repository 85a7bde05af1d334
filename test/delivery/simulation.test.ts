import { describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { createConsumer } from '../../src/delivery/consumer.ts'
import { emptyCounters } from '../../src/delivery/counters.ts'
import { type DeliveryOptions, policyFrom } from '../../src/delivery/policy.ts'
import type { Consumer } from '../../src/delivery/types.ts'
import type { FaultPoint, Runtime } from '../../src/runtime/runtime.ts'
import { SimulatedRuntime, seeded } from '../../src/runtime/simulated.ts'
import { createHub, type MemoryHub } from '../../src/transport/memory/index.ts'
import type { Transport } from '../../src/transport/seam.ts'
import { message } from './harness.ts'

const channel: Channel = { address: 'Order', kind: 'publish-subscribe' }
const keys = ['A', 'B', 'C', 'D']
const perKey = 12

interface Member {
  readonly transport: Transport
  consumer: Consumer
  dead: boolean
  /** Not there to be picked on: joining, closing or frozen. */
  away: boolean
}

/** Several consumers on one hub in virtual time, in which a seed's dice decide what fails, dies, freezes and is handed over. */
class World {
  readonly runtime: SimulatedRuntime
  readonly hub: MemoryHub
  readonly dice: () => number
  readonly policy: DeliveryOptions
  readonly log: string[] = []
  readonly done = new Map<string, number>()
  readonly begun = new Map<string, number>()
  readonly members: Member[] = []
  readonly passed = new Set<FaultPoint>()
  readonly counters = emptyCounters()
  calm = false
  #step = 0

  constructor(seed: number) {
    this.dice = seeded(seed)
    this.runtime = new SimulatedRuntime(seed)
    this.hub = createHub({ runtime: this.runtime, shards: 2 })
    this.policy = {
      concurrency: 1 + Math.floor(this.dice() * 4),
      maxMessages: 4 + Math.floor(this.dice() * 20),
      holdFor: Math.floor(this.dice() * 400),
      maxFollowers: Math.floor(this.dice() * 4),
      retry: { attempts: 1_000_000, delay: 20, maxDelay: 200 },
      atEnd: 'park',
      maxLosses: 1_000_000,
      unknownGrace: '1h',
    }
  }

  pause = (ms: number): Promise<void> => new Promise((resolve) => void this.runtime.timer(ms, resolve))

  async join(): Promise<void> {
    const runtime = this.#faulty(() => this.#crash(member))
    const transport = this.hub.transport(`m${this.members.length}`, runtime)
    const member = { transport, consumer: undefined as unknown as Consumer, dead: false, away: true }
    this.members.push(member)
    const capabilities = await transport.open(() => undefined)
    await transport.provision([channel], 'create')
    // An older version does not know every message while the world is not calm.
    const old = this.dice() < 0.2
    member.consumer = await createConsumer({
      transport,
      capabilities,
      runtime,
      channel,
      group: 'kitchen',
      durable: true,
      unknown: 'grace',
      policy: policyFrom(this.policy),
      counters: this.counters,
      report: () => undefined,
      route: ({ id }) => (old && !this.calm && id.endsWith('3') ? undefined : { decode: () => id, handle: () => this.#handle(id, member) }),
    })
    member.away = false
  }

  /** Virtual time with fault points: now and then a point takes a while, and now and then the process dies there. */
  #faulty(crash: () => void): Runtime {
    const { runtime } = this
    const point = (name: FaultPoint): Promise<void> | undefined => {
      this.passed.add(name)
      const roll = this.dice()
      if (roll < 0.03) return this.pause(roll * 1000)
      if (this.calm || roll > 0.036 || this.members.length > 30) return undefined
      crash()
      throw new Error(`died at ${name}`)
    }
    return {
      now: () => runtime.now(),
      monotonic: () => runtime.monotonic(),
      random: () => runtime.random(),
      id: () => runtime.id(),
      timer: (ms, run, background) => runtime.timer(ms, run, background),
      point,
    }
  }

  #crash(member: Member): void {
    if (member.dead) return
    member.dead = true
    this.hub.crash(member.transport)
    void this.join().catch(() => undefined)
  }

  async #handle(id: string, member: { dead: boolean }): Promise<[]> {
    if (member.dead) return new Promise(() => undefined)
    if (!this.begun.has(id)) this.begun.set(id, this.#step++)
    const roll = this.dice()
    const long = !this.calm && this.dice() < 0.1
    await this.pause(long ? 2500 : this.dice() * 30)
    if (member.dead) return new Promise(() => undefined)
    if (!this.calm && roll < 0.35) throw new Error('unlucky')
    if (!this.done.has(id)) this.done.set(id, this.#step++)
    return []
  }

  async mishap(): Promise<void> {
    const alive = this.members.filter((member) => !member.dead && !member.away)
    const member = alive[Math.floor(this.dice() * alive.length)]
    const roll = this.dice()
    if (member === undefined || roll < 0.2) return this.join()
    if (roll < 0.45) {
      this.#crash(member)
      return
    }
    if (roll < 0.7) return this.hub.handOver(member.transport)
    if (roll < 0.85) {
      member.away = true
      void member.consumer.close(60_000)
      return
    }
    member.away = true
    this.hub.freeze(member.transport)
    this.runtime.timer(800, () => {
      this.hub.thaw(member.transport)
      member.away = false
    })
  }
}

async function live(seed: number): Promise<World> {
  const world = new World(seed)
  const script = (async () => {
    const sender = world.hub.transport('sender')
    await sender.open(() => undefined)
    await world.join()
    await world.join()
    for (let n = 1; n <= perKey; n++) {
      const batch = keys.map((key) => ({ channel, message: message({ id: `${key}${n}`, key }), durable: true }))
      const results = await sender.send(batch)
      expect(results).toEqual(keys.map(() => 'sent'))
      if (world.dice() < 0.4) await world.mishap()
      await world.pause(world.dice() * 500)
    }
    world.calm = true
    await world.join()
  })()
  let over = false
  script.then(
    () => (over = true),
    () => (over = true),
  )
  const total = keys.length * perKey
  await world.runtime.run(() => over)
  await script
  await world.runtime.run(() => world.done.size === total)
  return world
}

describe('order holds per key through retries, parking, crashes, handovers and freezes', () => {
  const first = Number(process.env.PABAL_SEED ?? 0)
  const seeds = Number(process.env.PABAL_SEEDS ?? 1000)
  const reached = { parked: 0, released: 0, failedAttempts: 0 }

  test(`${seeds} seeds from ${first}: every message is handled, none begins before the one before it of its key is handled`, async () => {
    for (let seed = first; seed < first + seeds; seed++) {
      const { done, begun, counters } = await live(seed)
      const missing = keys.flatMap((key) => Array.from({ length: perKey }, (_, i) => `${key}${i + 1}`)).filter((id) => !done.has(id))
      expect(missing, `seed ${seed}: lost`).toEqual([])
      expect(counters, `seed ${seed}`).toMatchObject({ deadLettered: 0, invalid: 0 })
      for (const key of keys) {
        for (let n = 2; n <= perKey; n++) {
          const before = done.get(`${key}${n - 1}`) as number
          expect(begun.get(`${key}${n}`), `seed ${seed}: ${key}${n} began before ${key}${n - 1} was done`).toBeGreaterThan(before)
        }
      }
      for (const name of ['parked', 'released', 'failedAttempts'] as const) reached[name] += counters[name]
    }
    // A world in which nothing of this happens proves nothing.
    for (const count of Object.values(reached)) expect(count).toBeGreaterThan(seeds)
  }, 120_000)
})
