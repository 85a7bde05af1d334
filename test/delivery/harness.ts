import type { Channel } from '../../src/channel/channel.ts'
import { createConsumer } from '../../src/delivery/consumer.ts'
import { emptyCounters } from '../../src/delivery/counters.ts'
import { type DeliveryOptions, policyFrom } from '../../src/delivery/policy.ts'
import type { Consumer, ConsumerOptions, DeliveryEvent, HandleContext, Route } from '../../src/delivery/types.ts'
import { type Message, none } from '../../src/message/message.ts'
import type { FaultPoint, Runtime, Timer } from '../../src/runtime/runtime.ts'
import type { Capabilities } from '../../src/transport/capabilities.ts'
import type { Delivery, Outgoing, Receive, Settlement, SubscribeOptions, Transport } from '../../src/transport/seam.ts'

/** Lets everything that waits for a promise go on. */
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Time that stands still until it is told to pass. */
export class HandClock implements Runtime {
  time = 1_000_000
  randomly = 0
  points: ((name: FaultPoint) => Promise<void> | undefined) | undefined
  readonly timers = new Set<{ at: number; run: () => void }>()
  #ids = 0

  now = (): number => this.time + 1e12
  monotonic = (): number => this.time
  random = (): number => this.randomly
  id = (): string => `id-${++this.#ids}`
  point = (name: FaultPoint): Promise<void> | undefined => this.points?.(name)

  timer(ms: number, run: () => void): Timer {
    const entry = { at: this.time + ms, run }
    this.timers.add(entry)
    return { cancel: () => void this.timers.delete(entry) }
  }

  /** Lets `ms` milliseconds pass: every timer that falls due runs, in order. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms
    await settle()
    for (;;) {
      const next = [...this.timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.timers.delete(next)
      this.time = Math.max(this.time, next.at)
      next.run()
      await settle()
    }
    this.time = end
  }
}

export const capabilities: Capabilities = {
  survives: 'process',
  ordersByKey: true,
  durableGroups: true,
  replays: true,
  delays: true,
  countsLosses: true,
  atomicEmit: true,
  detectsNoReceiver: true,
  knowsReceivers: true,
  fences: true,
  parks: true,
  maxBytes: 1_000_000,
  takeover: { killed: 100, frozen: 1000 },
}

export const orders: Channel = { address: 'Order', kind: 'publish-subscribe' }

const never = new AbortController().signal
let numbers = 0

export function message(over: Partial<Message> = {}): Message {
  const id = over.id ?? `m${++numbers}`
  const body = Buffer.from(`{"id":"${id}"}`)
  return {
    id,
    source: 'test',
    type: 'Known',
    kind: 'command',
    version: 1,
    time: 1,
    contentType: 'application/json',
    extensions: none,
    headers: none,
    body,
    ...over,
  }
}

export function delivery(over: Partial<Delivery> & { id?: string; key?: string; type?: string } = {}): Delivery {
  const { id, key, type, ...rest } = over
  const own =
    over.message ??
    message({ ...(id === undefined ? {} : { id }), ...(key === undefined ? {} : { key }), ...(type === undefined ? {} : { type }) })
  return { shard: '0', lost: 0, fence: 1, signal: never, ...rest, message: own }
}

/** A handler that the test ends by hand. */
export interface Call {
  readonly id: string
  readonly context: HandleContext
  done(emit?: readonly Outgoing[]): void
  fail(error?: unknown): void
}

export interface Setup extends DeliveryOptions {
  readonly capabilities?: Partial<Capabilities>
  readonly durable?: boolean
  readonly unknown?: 'skip' | 'grace'
  readonly group?: string | undefined
  readonly route?: (message: Message) => Route | undefined
  readonly onEnd?: ConsumerOptions['onEnd']
  readonly channel?: Channel
}

/** An engine whose transport is the test: it hands deliveries in and looks at what they settle to. */
export class Bench {
  readonly clock = new HandClock()
  readonly calls: Call[] = []
  /** What settled, in order: `id:emit`, `id:release`, `id:park`. */
  readonly settled: string[] = []
  readonly settlements = new Map<string, Settlement>()
  readonly events: DeliveryEvent[] = []
  readonly counters = emptyCounters()
  stopped = false
  closed = 0
  closing: Promise<void> = Promise.resolve()
  options!: SubscribeOptions
  consumer!: Consumer
  receive!: Receive

  static async of(setup: Setup = {}): Promise<Bench> {
    const bench = new Bench()
    const { capabilities: own, durable = true, unknown = 'grace', group = 'kitchen', route, onEnd, channel = orders, ...policy } = setup
    const transport = {
      name: 'bench',
      subscribe: async (_channel: Channel, options: SubscribeOptions, receive: Receive) => {
        bench.options = options
        bench.receive = receive
        const stop = () => {
          bench.stopped = true
        }
        const close = () => {
          bench.closed++
          return bench.closing
        }
        return { stop, close }
      },
    } as unknown as Transport
    bench.consumer = await createConsumer({
      transport,
      capabilities: { ...capabilities, ...own },
      runtime: bench.clock,
      channel,
      group,
      durable,
      unknown,
      policy: policyFrom(policy),
      counters: bench.counters,
      route: route ?? ((each) => (each.type === 'Known' ? bench.route : undefined)),
      report: (event) => bench.events.push(event),
      ...(onEnd === undefined ? {} : { onEnd }),
    })
    return bench
  }

  readonly route: Route = {
    decode: (each) => each.body,
    handle: (_payload, context) =>
      new Promise((resolve, reject) => {
        const call = {
          id: context.delivery.message.id,
          context,
          done: (emit: readonly Outgoing[] = []) => resolve(emit),
          fail: (error: unknown = new Error('boom')) => reject(error),
        }
        this.calls.push(call)
      }),
  }

  /** Hands a delivery out. */
  give(over: Parameters<typeof delivery>[0] = {}): Promise<Settlement> {
    const each = delivery(over)
    const { id } = each.message
    const settlement = Promise.resolve(this.receive(each))
    settlement.then(
      (what) => {
        this.settled.push(`${id}:${Object.keys(what)[0]}`)
        this.settlements.set(id, what)
      },
      () => this.settled.push(`${id}:reject`),
    )
    return settlement
  }

  /** The ids whose handlers have begun, in order, one entry an attempt. */
  get begun(): string[] {
    return this.calls.map((call) => call.id)
  }

  /** Ends the running handler of `id`. */
  async end(id: string, how: 'done' | 'fail' = 'done', value?: unknown): Promise<void> {
    const call = this.calls.findLast((each) => each.id === id)
    if (call === undefined) throw new Error(`${id} has not begun; begun: ${this.begun.join(' ')}`)
    if (how === 'done') call.done(value as readonly Outgoing[] | undefined)
    else call.fail(value)
    await settle()
  }

  park(id: string): Extract<Settlement, { park: unknown }>['park'] {
    const what = this.settlements.get(id)
    if (what === undefined || !('park' in what)) throw new Error(`${id} is not parked but ${JSON.stringify(what)}`)
    return what.park
  }

  emitted(id: string): readonly Outgoing[] {
    const what = this.settlements.get(id)
    if (what === undefined || !('emit' in what)) throw new Error(`${id} has not emitted but ${JSON.stringify(what)}`)
    return what.emit
  }
}
