import { type ChildProcess, fork } from 'node:child_process'
import type { Channel } from '../channel/channel.ts'
import { PabalError } from '../errors.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type {
  Delivery,
  Inbox,
  Outgoing,
  Receive,
  SendResult,
  Settlement,
  StateListener,
  SubscribeOptions,
  Subscription,
  Transport,
} from '../transport/seam.ts'
import { type Down, readError, type Up, type WireDelivery } from './wire.ts'
import type { Mortal } from './world.ts'

/**
 * A member in a process of its own, which can really be killed and stopped. `module` is a file that calls `hostMember`; its
 * arguments are `args`. The transport given back passes every call to it. Handlers run here, in the test's process.
 */
export async function hostedMember(module: URL, args: readonly string[] = []): Promise<Mortal> {
  const child = fork(module, args, { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const transport = new HostedTransport(child)
  await transport.ready
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    transport,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    freeze: async () => void child.kill('SIGSTOP'),
    thaw: async () => void child.kill('SIGCONT'),
  }
}

interface Listener {
  readonly receive: Receive
  readonly options?: SubscribeOptions
}

class HostedTransport implements Transport {
  readonly name = 'hosted'
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  readonly #listeners = new Map<number, Listener>()
  readonly #out = new Map<number, AbortController>()
  #next = 0
  #dead = false
  #state: StateListener = () => {}

  constructor(child: ChildProcess) {
    this.#child = child
    this.ready = new Promise((resolve, reject) => {
      child.once('exit', () => reject(gone()))
      child.on('message', (up: Up) => (up.what === 'ready' ? resolve() : this.#take(up)))
    })
    child.once('exit', () => {
      this.#dead = true
      for (const call of this.#calls.values()) call.reject(gone())
      this.#calls.clear()
    })
  }

  open(listener: StateListener): Promise<Capabilities> {
    this.#state = listener
    return this.#call('open')
  }

  provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void> {
    return this.#call('provision', channels, mode)
  }

  async send(batch: readonly Outgoing[]): Promise<readonly SendResult[]> {
    const results = await this.#call<readonly unknown[]>('send', batch)
    return results.map((result) => (typeof result === 'string' ? (result as SendResult) : (readError(result) as PabalError)))
  }

  async inbox(owner: string, receive: Receive): Promise<Inbox> {
    const number = this.#listen({ receive })
    const address = await this.#call<string>('inbox', number, owner)
    return { address, close: () => this.#call('closeListener', number) }
  }

  async subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription> {
    const number = this.#listen({ receive, options })
    const { assigned, revoking, ...rest } = options
    await this.#call('subscribe', number, channel, rest)
    return {
      stop: () => this.#post({ what: 'call', call: 0, method: 'stop', args: [number] }),
      close: () => this.#call('closeListener', number),
    }
  }

  async close(): Promise<void> {
    if (this.#dead) return
    await this.#call('close').catch(() => {})
    this.#child.disconnect?.()
  }

  #listen(listener: Listener): number {
    this.#listeners.set(++this.#next, listener)
    return this.#next
  }

  #call<T>(method: string, ...args: unknown[]): Promise<T> {
    if (this.#dead) return Promise.reject(gone())
    const call = ++this.#next
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(call, { resolve: resolve as (value: unknown) => void, reject })
      this.#post({ what: 'call', call, method, args })
    })
  }

  #post(down: Down): void {
    if (!this.#dead && this.#child.connected) this.#child.send(down, () => {})
  }

  #take(up: Up): void {
    if (up.what === 'answer') {
      const call = this.#calls.get(up.call)
      this.#calls.delete(up.call)
      if (up.error === undefined) call?.resolve(up.value)
      else call?.reject(readError(up.error))
    } else if (up.what === 'delivery') this.#deliver(up.listener, up.number, up.delivery)
    else if (up.what === 'aborted') this.#out.get(up.number)?.abort()
    else if (up.what === 'assigned') this.#listeners.get(up.listener)?.options?.assigned?.(up.shard, up.parked)
    else if (up.what === 'revoking') this.#listeners.get(up.listener)?.options?.revoking?.(up.shard)
    else if (up.what === 'state') this.#state(up.state)
  }

  async #deliver(listener: number, number: number, wire: WireDelivery): Promise<void> {
    const abort = new AbortController()
    this.#out.set(number, abort)
    const delivery: Delivery = { ...wire, signal: abort.signal }
    let settlement: Settlement | undefined
    try {
      settlement = await this.#listeners.get(listener)?.receive(delivery)
    } catch {
      // A rejection counts as given back, which the member itself says.
    }
    this.#post({ what: 'settle', number, settlement })
  }
}

const gone = () => new PabalError('CLOSED', 'the process of this member is gone')
