import { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Delivery, Inbox, Settlement, Transport } from '../transport/seam.ts'
import { Correlations } from './correlations.ts'
import { type Dated, Deadlines } from './deadlines.ts'

/** Something that waits for replies under a correlation id. */
export interface Waiting extends Dated {
  readonly correlation: string
  replied(message: Message): void
  /** The app is closing: nothing more will come. */
  closed(): void
}

export interface LateCounter {
  lateReplies: number
}

/** How many requests and gathers of one app may be in flight. More are refused with `OVERLOADED`, since each holds memory. */
export const maxInFlight = 100_000

const settled: Settlement = Object.freeze({ emit: Object.freeze([]) })

/** This app's own reply address, opened on first use, and everything that waits for a reply at it. */
export class ReplyInbox {
  readonly #transport: Transport
  readonly #owner: string
  readonly #counters: LateCounter
  readonly #waiting = new Correlations<Waiting>()
  readonly #deadlines: Deadlines
  #inbox: Inbox | undefined
  #opening: Promise<string> | undefined
  #closed = false

  constructor(transport: Transport, runtime: Runtime, owner: string, counters: LateCounter) {
    this.#transport = transport
    this.#owner = owner
    this.#counters = counters
    this.#deadlines = new Deadlines(runtime)
  }

  /** How many requests and gathers wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** The address, or a promise of it while it is being opened. */
  address(): string | Promise<string> {
    if (this.#inbox !== undefined) return this.#inbox.address
    if (this.#opening === undefined) {
      this.#opening = this.#open()
      // Whoever asked may have failed for another reason meanwhile.
      this.#opening.catch(() => undefined)
    }
    return this.#opening
  }

  /** True where somebody waits under this correlation id: asking again under the same id then needs another one. */
  has(correlation: string): boolean {
    return this.#waiting.get(correlation) !== undefined
  }

  add(waiting: Waiting): void {
    if (this.#closed) throw new PabalError('CLOSED', 'the app is closed: nothing can be asked any more')
    if (this.#waiting.size >= maxInFlight)
      throw new PabalError('OVERLOADED', `${maxInFlight} requests of this app are in flight, which is the most`, {
        id: waiting.correlation,
        hint: 'Ask more slowly, or shorten `within`.',
      })
    this.#waiting.add(waiting)
    this.#deadlines.add(waiting)
  }

  remove(waiting: Waiting): void {
    this.#waiting.remove(waiting)
    this.#deadlines.remove(waiting)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const waiting of this.#waiting.all()) {
      this.remove(waiting)
      waiting.closed()
    }
    this.#deadlines.close()
    if (this.#opening !== undefined) await this.#opening.catch(() => undefined)
    await this.#inbox?.close()
  }

  async #open(): Promise<string> {
    try {
      this.#inbox = await this.#transport.inbox(this.#owner, this.#receive)
      return this.#inbox.address
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }

  readonly #receive = (delivery: Delivery): Settlement => {
    const { message } = delivery
    const waiting = message.correlationId === undefined ? undefined : this.#waiting.get(message.correlationId)
    if (waiting === undefined) this.#counters.lateReplies++
    else waiting.replied(message)
    return settled
  }
}
