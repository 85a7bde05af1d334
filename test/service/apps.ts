import { onTestFinished } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import { none } from '../../src/message/message.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { App } from '../../src/service/app.ts'
import { connect } from '../../src/service/connect.ts'
import type { ConnectOptions } from '../../src/service/options.ts'
import { createHub, type MemoryHub } from '../../src/transport/memory/index.ts'
import type { Delivery, Outgoing, Transport } from '../../src/transport/seam.ts'

/** Several apps on one hub, as several processes on one broker; closed at the end of the test. */
export class Town {
  readonly hub: MemoryHub = createHub({ runtime: systemRuntime })

  async app(options: ConnectOptions = {}, transport: Transport = this.hub.transport()): Promise<App> {
    const app = await connect(transport, { logger: false, drain: 500, ...options })
    onTestFinished(() => app.close().catch(() => undefined))
    return app
  }

  /** A bare transport: what any other client of the broker would be. */
  async wire(): Promise<Transport> {
    const transport = this.hub.transport('wire')
    await transport.open(() => {})
    onTestFinished(() => transport.close())
    return transport
  }
}

/** Everything that arrives on a channel, without Pabal above the seam. */
export async function listen(
  wire: Transport,
  address: string,
  kind: 'point-to-point' | 'publish-subscribe' = 'point-to-point',
  durable = true,
): Promise<Message[]> {
  const seen: Message[] = []
  await wire.provision([{ address, kind }], 'create')
  await wire.subscribe(
    { address, kind },
    { group: kind === 'point-to-point' ? address : undefined, durable, maxMessages: 100, maxBytes: 1e9 },
    async ({ message }: Delivery) => {
      seen.push(message)
      return { emit: [] }
    },
  )
  return seen
}

/** A message as any other system might write it. */
export function foreign(address: string, fields: Partial<Message>, body: unknown, more: Partial<Outgoing> = {}): Outgoing {
  const message: Message = {
    id: `foreign-${Math.random()}`,
    source: 'elsewhere',
    type: 'createTicket',
    kind: 'command',
    version: 1,
    time: 0,
    contentType: 'application/json',
    extensions: none,
    headers: none,
    body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
    ...fields,
  }
  return { channel: { address, kind: 'point-to-point' }, message, durable: true, ...more }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until it is so; fails after fifteen seconds. */
export async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 15_000
  while (!what()) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`)
    await pause(2)
  }
}

export const errorOf = (promise: Promise<unknown>): Promise<never> =>
  promise.then(
    (value) => Promise.reject(new Error(`expected a rejection, got ${JSON.stringify(value)}`)),
    (error: unknown) => error as never,
  )
