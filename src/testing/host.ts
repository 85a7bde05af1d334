import type { Delivery, Inbox, Receive, Settlement, Subscription, Transport } from '../transport/seam.ts'
import { type Down, type Up, writeError } from './wire.ts'

/**
 * The other half of `hostedMember`: called by the module that runs in the member's process, with what makes the transport
 * from the arguments.
 *
 * ```ts
 * hostMember((address) => myTransport(address))
 * ```
 */
export function hostMember(make: (...args: string[]) => Transport | Promise<Transport>): void {
  void run(make)
}

async function run(make: (...args: string[]) => Transport | Promise<Transport>): Promise<void> {
  const member = new Host(await make(...process.argv.slice(2)))
  process.on('message', (down: Down) => member.take(down))
  // the test's process is gone: nobody is left to ask for an end
  process.once('disconnect', () => process.exit())
  say({ what: 'ready' })
}

const say = (up: Up) => void process.send?.(up)

class Host {
  readonly #transport: Transport
  readonly #listeners = new Map<number, Subscription | Inbox>()
  readonly #out = new Map<number, (settlement: Settlement) => void>()
  #next = 0

  constructor(transport: Transport) {
    this.#transport = transport
  }

  take(down: Down): void {
    if (down.what === 'settle') {
      const settle = this.#out.get(down.number)
      this.#out.delete(down.number)
      settle?.(down.settlement ?? { release: {} })
      return
    }
    const { call, method, args } = down
    this.#perform(method, args).then(
      (value) => say({ what: 'answer', call, value }),
      (error: unknown) => say({ what: 'answer', call, error: writeError(error) }),
    )
  }

  async #perform(method: string, args: readonly unknown[]): Promise<unknown> {
    const [a, b, c] = args
    const transport = this.#transport
    if (method === 'open') return transport.open((state) => say({ what: 'state', state }))
    if (method === 'provision') return transport.provision(a as never, b as never)
    if (method === 'send')
      return (await transport.send(a as never)).map((result) => (typeof result === 'string' ? result : writeError(result)))
    if (method === 'inbox') return this.#inbox(a as number, b as string)
    if (method === 'subscribe') return this.#subscribe(a as number, b as never, c as never)
    if (method === 'stop') return (this.#listeners.get(a as number) as Subscription).stop()
    if (method === 'closeListener') return this.#listeners.get(a as number)?.close()
    if (method === 'close') return transport.close()
    throw new Error(`unknown call ${method}`)
  }

  async #inbox(listener: number, owner: string): Promise<string> {
    const inbox = await this.#transport.inbox(owner, this.#receive(listener))
    this.#listeners.set(listener, inbox)
    return inbox.address
  }

  async #subscribe(listener: number, channel: never, options: object): Promise<void> {
    const all = {
      ...(options as { durable: boolean; maxMessages: number; maxBytes: number }),
      assigned: (shard: string, parked: ReadonlyMap<string, number>) => say({ what: 'assigned', listener, shard, parked }),
      revoking: (shard: string) => say({ what: 'revoking', listener, shard }),
    }
    this.#listeners.set(listener, await this.#transport.subscribe(channel, all, this.#receive(listener)))
  }

  #receive(listener: number): Receive {
    return (delivery: Delivery) => {
      const number = ++this.#next
      const { signal, ...rest } = delivery
      signal.addEventListener('abort', () => say({ what: 'aborted', number }), { once: true })
      const { message, shard, lost, parked, ahead, fence } = rest
      // the body may be a view of something large
      say({
        what: 'delivery',
        listener,
        number,
        delivery: { message: { ...message, body: message.body.slice() }, shard, lost, parked, ahead, fence },
      })
      return new Promise((resolve) => this.#out.set(number, resolve))
    }
  }
}
