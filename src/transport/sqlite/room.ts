import type { Runtime, Timer } from '../../runtime/runtime.ts'
import type { SubscribeOptions } from '../seam.ts'

/** What is left of the room is used after so long, also where it is less than a portion; in milliseconds. */
const patience = 20

/** What a subscription may have out, and what waits until there is room for more. */
export class Room {
  messages = 0
  bytes = 0
  readonly #most: Pick<SubscribeOptions, 'maxMessages' | 'maxBytes'>
  readonly #runtime: Runtime
  /** Nothing may be taken on although there is room. */
  readonly #shut: () => boolean
  #waiting: (() => void)[] = []
  #soon: Timer | undefined
  #stopped = false

  constructor(most: Pick<SubscribeOptions, 'maxMessages' | 'maxBytes'>, runtime: Runtime, shut: () => boolean) {
    this.#most = most
    this.#runtime = runtime
    this.#shut = shut
  }

  /** One message is always allowed. */
  get free(): boolean {
    return this.messages === 0 || (this.messages < this.#most.maxMessages && this.bytes < this.#most.maxBytes)
  }

  /** Whether so much can be taken at once, and may be. */
  has(messages: number, bytes: number): boolean {
    const { maxMessages, maxBytes } = this.#most
    return !this.#shut() && this.messages + messages <= maxMessages && this.bytes + bytes <= maxBytes
  }

  /** How much may be taken: of messages and bytes at least one. */
  get left(): { readonly messages: number; readonly bytes: number } {
    const { maxMessages, maxBytes } = this.#most
    return { messages: Math.max(1, maxMessages - this.messages), bytes: Math.max(1, maxBytes - this.bytes) }
  }

  take(bytes: number): void {
    this.messages++
    this.bytes += bytes
  }

  giveBack(bytes: number): void {
    this.messages--
    this.bytes -= bytes
    if (this.#waiting.length > 0) this.look()
  }

  /**
   * Resolves when there is room. Where it was full, when a quarter of it is free, so that what is read comes in portions; or a
   * moment later, since those that are out may stay for long.
   */
  async made(): Promise<void> {
    while ((!this.free || this.#shut()) && !this.#stopped) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Something changed: whoever waits may go on. */
  look(): void {
    if (this.#shut()) return
    const { maxMessages, maxBytes } = this.#most
    if (this.messages === 0 || (this.messages <= maxMessages * 0.75 && this.bytes <= maxBytes * 0.75)) this.#goOn()
    else if (this.free) this.#soon ??= this.#runtime.timer(patience, () => this.#goOn(), true)
  }

  stop(): void {
    this.#stopped = true
    this.#goOn()
  }

  #goOn(): void {
    this.#soon?.cancel()
    this.#soon = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
