import { sizeOf } from '../../message/limits.ts'
import type { Message } from '../../message/message.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { Outgoing, Receive, Settlement, SubscribeOptions } from '../seam.ts'
import { Bounds } from './bounds.ts'

/** Hands out transient messages within the subscription's bounds; what is given back goes to whoever takes it next. */
export class TransientReceiver {
  readonly #bounds: Bounds
  readonly #receive: Receive
  readonly #emit: (batch: readonly Outgoing[]) => Promise<unknown>
  readonly #again: (message: Message) => void
  readonly #queue: Message[] = []
  readonly #signal = new AbortController().signal
  #stopped = false

  constructor(
    limits: Pick<SubscribeOptions, 'maxMessages' | 'maxBytes'>,
    receive: Receive,
    emit: (batch: readonly Outgoing[]) => Promise<unknown>,
    again: (message: Message) => void,
  ) {
    this.#bounds = new Bounds(limits)
    this.#receive = receive
    this.#emit = emit
    this.#again = again
  }

  take(message: Message): void {
    if (this.#stopped) return
    this.#queue.push(message)
    this.#pump()
  }

  stop(): void {
    this.#stopped = true
    this.#queue.length = 0
  }

  readonly #pump = (): void => {
    for (let head = this.#queue[0]; head !== undefined && !this.#stopped; head = this.#queue[0]) {
      if (!this.#bounds.take(sizeOf(head), this.#pump)) return
      this.#queue.shift()
      void this.#hand(head)
    }
  }

  async #hand(message: Message): Promise<void> {
    const delivery = { message, shard: '', lost: 0, fence: 0, signal: this.#signal }
    let settlement: Settlement
    try {
      settlement = await this.#receive(delivery)
    } catch {
      settlement = { release: { after: 100 } }
    }
    this.#bounds.back(sizeOf(message))
    if ('emit' in settlement) await this.#emit(settlement.emit)
    else if ('release' in settlement) systemRuntime.timer(Math.max(20, settlement.release.after ?? 0), () => this.#again(message), true)
  }
}

/** An ephemeral subscriber's parked messages: gone with it. */
export function volatileParks(): { load(): Promise<never[]>; add(): Promise<void>; amend(): Promise<void>; remove(): Promise<void> } {
  const nothing = async (): Promise<void> => undefined
  return { load: async () => [], add: nothing, amend: nothing, remove: nothing }
}
