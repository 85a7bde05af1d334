import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Delivery, Inbox, Outgoing, Receive, Settlement } from '../seam.ts'
import type { Host } from './host.ts'

const never = new AbortController().signal

/** A reply as its receiver sees it: nothing of it is ever settled, parked or lost. */
class Reply implements Delivery {
  readonly message: Message

  constructor(message: Message) {
    this.message = message
  }

  get shard(): string {
    return ''
  }

  get lost(): number {
    return 0
  }

  get fence(): number {
    return 0
  }

  get signal(): AbortSignal {
    return never
  }
}

/** The transport as its inboxes see it. */
export interface Mailroom {
  readonly state: 'open' | 'frozen' | 'crashed' | 'closed'
  readonly inboxes: Set<MemoryInbox>
}

/** The hub with its inboxes. */
export interface Post extends Host {
  readonly inboxes: Map<string, MemoryInbox>
}

/** One instance's own reply address: a queue with one reader. What was there when its process died is gone. */
export class MemoryInbox implements Inbox {
  readonly address: string
  readonly #hub: Post
  readonly #transport: Mailroom
  readonly #receive: Receive
  #queue: Message[] = []
  #scheduled = false

  constructor(address: string, hub: Post, transport: Mailroom, receive: Receive) {
    this.address = address
    this.#hub = hub
    this.#transport = transport
    this.#receive = receive
    hub.inboxes.set(address, this)
  }

  /** `message` is nobody else's. */
  accept(message: Message, bytes: number): void {
    this.#hub.count(1, bytes)
    this.#queue.push(message)
    this.wake()
  }

  /** What leaves with a settlement is handed over in the same breath, unless something waits before it: its sender's code is done. */
  take(message: Message, bytes: number): void {
    if (this.#queue.length > 0 || this.#transport.state !== 'open') return this.accept(message, bytes)
    this.#hub.turns.burst++
    this.#hand(message)
  }

  wake(): void {
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    this.#hub.turns.soon(this.#pump)
  }

  readonly #pump = (): void => {
    this.#scheduled = false
    if (this.#transport.state !== 'open') return
    const queue = this.#queue
    this.#queue = []
    for (const message of queue) {
      this.#hub.count(-1, sizeOf(message))
      this.#hub.turns.burst++
      this.#hand(message)
    }
  }

  #hand(message: Message): void {
    try {
      const settlement = this.#receive(new Reply(message))
      if ('then' in settlement) settlement.then(this.#settled, () => {})
      else this.#settled(settlement)
    } catch {
      // A reply that its asker cannot take is gone; the asker's deadline says so.
    }
  }

  readonly #settled = (settlement: Settlement): void => {
    if ('emit' in settlement) for (const outgoing of settlement.emit as readonly Outgoing[]) this.#hub.send(outgoing)
  }

  async close(): Promise<void> {
    this.vanish()
  }

  vanish(): void {
    if (!this.#hub.inboxes.delete(this.address)) return
    for (const message of this.#queue) this.#hub.count(-1, sizeOf(message))
    this.#queue = []
    this.#transport.inboxes.delete(this)
  }
}
