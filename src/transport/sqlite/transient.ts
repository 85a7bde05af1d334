import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Delivery, Outgoing, Receive, Settlement } from '../seam.ts'

interface Waiting {
  readonly message: Message
  readonly bytes: number
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
  #queuedBytes = 0
  #out = 0
  #bytes = 0
  #open = true

  constructor(receive: Receive, bounds: TransientBounds, runtime: Runtime, emit: (batch: readonly Outgoing[]) => void) {
    this.#receive = receive
    this.#bounds = bounds
    this.#runtime = runtime
    this.#emit = emit
  }

  /** Takes a message; beyond the bounds it waits, and beyond as much again it is dropped: its sender has a deadline. */
  take(message: Message, ttl: number): void {
    if (!this.#open) return
    const { maxMessages, maxBytes } = this.#bounds
    const bytes = sizeOf(message)
    if (this.#out === 0 || (this.#out < maxMessages && this.#bytes < maxBytes)) return void this.#hand(message, bytes)
    const now = this.#runtime.monotonic()
    if (this.#queue.length >= maxMessages || this.#queuedBytes + bytes > maxBytes) this.#dropLate(now)
    if (this.#queue.length >= maxMessages || this.#queuedBytes + bytes > maxBytes) return
    this.#queue.push({ message, bytes, until: now + ttl })
    this.#queuedBytes += bytes
  }

  #dropLate(now: number): void {
    // Looked for only where the oldest is late, since there may be many and no time.
    if ((this.#queue[0]?.until ?? now) >= now) return
    this.#queue = this.#queue.filter(({ until }) => until >= now)
    this.#queuedBytes = this.#queue.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** True where it is settled at once; otherwise its end lets the next one in. */
  #hand(message: Message, bytes: number): boolean {
    let settlement: Settlement | Promise<Settlement>
    try {
      settlement = this.#receive(new Light(message))
    } catch {
      // A transient message that nobody could handle is gone; its sender's deadline says so.
      return true
    }
    if (!(settlement instanceof Promise)) {
      this.#settled(settlement)
      return true
    }
    this.#out++
    this.#bytes += bytes
    settlement.then(
      (later) => this.#ended(bytes, later),
      () => this.#ended(bytes, undefined),
    )
    return false
  }

  #settled(settlement: Settlement): void {
    if ('emit' in settlement && settlement.emit.length > 0) this.#emit(settlement.emit)
  }

  #ended(bytes: number, settlement: Settlement | undefined): void {
    this.#out--
    this.#bytes -= bytes
    if (settlement !== undefined) this.#settled(settlement)
    if (this.#queue.length > 0) this.#next()
  }

  #next(): void {
    const now = this.#runtime.monotonic()
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      this.#queuedBytes -= waiting.bytes
      if (waiting.until >= now && !this.#hand(waiting.message, waiting.bytes)) return
    }
  }

  close(): void {
    this.#open = false
    this.#queue = []
    this.#queuedBytes = 0
  }
}
