import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery, Outgoing, Receive } from '../seam.ts'

interface Waiting {
  readonly message: Message
  readonly until: number
}

export interface TransientBounds {
  readonly maxMessages: number
  readonly maxBytes: number
}

const never = new AbortController()

/** A transient message as its receiver sees it. */
class Light implements Delivery {
  readonly message: Message
  readonly shard = ''
  readonly lost = 0
  readonly fence = 0

  constructor(message: Message) {
    this.message = message
  }

  get signal(): AbortSignal {
    return never.signal
  }
}

/** One receiver on the transient lane: bounded, and what is too late is dropped. */
export class TransientReceiver {
  readonly #receive: Receive
  readonly #bounds: TransientBounds
  readonly #runtime: Runtime
  readonly #emit: (batch: readonly Outgoing[]) => void
  #queue: Waiting[] = []
  #out = 0
  #bytes = 0
  #open = true

  constructor(receive: Receive, bounds: TransientBounds, runtime: Runtime, emit: (batch: readonly Outgoing[]) => void) {
    this.#receive = receive
    this.#bounds = bounds
    this.#runtime = runtime
    this.#emit = emit
  }

  /** Takes a message; beyond the bound it waits, and beyond as many again it is dropped: its sender has a deadline. */
  take(message: Message, ttl: number): void {
    if (!this.#open) return
    if (this.#out > 0 && (this.#out >= this.#bounds.maxMessages || this.#bytes >= this.#bounds.maxBytes)) {
      if (this.#queue.length < this.#bounds.maxMessages) this.#queue.push({ message, until: this.#runtime.monotonic() + ttl })
      return
    }
    void this.#hand(message)
  }

  async #hand(message: Message): Promise<void> {
    const bytes = sizeOf(message)
    this.#out++
    this.#bytes += bytes
    try {
      const settlement = await this.#receive(new Light(message))
      if ('emit' in settlement && settlement.emit.length > 0) this.#emit(settlement.emit)
    } catch {
      // A transient message that nobody could handle is gone; its sender's deadline says so.
    }
    this.#out--
    this.#bytes -= bytes
    this.#next()
  }

  #next(): void {
    const now = this.#runtime.monotonic()
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      if (waiting.until < now) continue
      return void this.#hand(waiting.message)
    }
  }

  close(): void {
    this.#open = false
    this.#queue = []
  }
}
