import type { Channel } from '../../../src/channel/channel.ts'
import { type Message, none } from '../../../src/message/message.ts'
import { SimulatedRuntime } from '../../../src/testing/simulation/index.ts'
import { createHub, type HubOptions, type MemoryHub } from '../../../src/transport/memory/index.ts'
import type { Delivery, Outgoing, Settlement, SubscribeOptions, Transport } from '../../../src/transport/seam.ts'

export const queue: Channel = { address: 'work', kind: 'point-to-point' }
export const topic: Channel = { address: 'Order', kind: 'publish-subscribe' }
export const wide = { durable: true, maxMessages: 100, maxBytes: 1_000_000 }

export function message(id: string, over: Partial<Message> = {}): Message {
  return {
    id,
    source: 'test',
    type: 'T',
    kind: 'command',
    version: 1,
    time: 0,
    contentType: 'text/plain',
    extensions: none,
    headers: none,
    body: new Uint8Array(0),
    ...over,
  }
}

export function to(channel: Channel, id: string, over: Partial<Message> = {}, how: Partial<Outgoing> = {}): Outgoing {
  return { channel, message: message(id, over), durable: true, ...how }
}

/** A hub in virtual time, and what its members got. */
export class Bench {
  readonly runtime = new SimulatedRuntime(1)
  readonly hub: MemoryHub

  constructor(options: Partial<HubOptions> = {}) {
    this.hub = createHub({ runtime: this.runtime, shards: 1, takeover: { killed: 50, frozen: 500 }, ...options })
  }

  /** Lets everything happen that needs no time, or that happens within `ms` milliseconds. */
  async pass(ms = 0): Promise<void> {
    await this.runtime.run(ms)
  }

  async consumer(
    channel: Channel,
    options: Partial<SubscribeOptions> = {},
    transport: Transport = this.hub.transport(),
  ): Promise<Received> {
    const received = new Received(transport)
    await transport.open(() => {})
    const subscription = await transport.subscribe(
      channel,
      {
        ...wide,
        assigned: (shard, parked) =>
          received.told.push(`assigned ${shard}${[...parked].map(([key, count]) => ` ${key}:${count}`).join('')}`),
        revoking: (shard) => received.told.push(`revoking ${shard}`),
        ...options,
      },
      (delivery) => new Promise((resolve) => received.out.push({ delivery, settle: resolve })),
    )
    received.close = () => subscription.close()
    return received
  }
}

/** What one member got; the test settles by hand. */
export class Received {
  readonly transport: Transport
  readonly out: { readonly delivery: Delivery; readonly settle: (settlement: Settlement) => void }[] = []
  readonly told: string[] = []
  close: () => Promise<void> = async () => {}

  constructor(transport: Transport) {
    this.transport = transport
  }

  get ids(): string[] {
    return this.out.map(({ delivery }) => delivery.message.id)
  }

  /** The nth delivery of all. */
  at(n: number): { readonly delivery: Delivery; readonly settle: (settlement: Settlement) => void } {
    const found = this.out[n]
    if (found === undefined) throw new Error(`only ${this.out.length} deliveries came`)
    return found
  }
}

export const done: Settlement = { emit: [] }
