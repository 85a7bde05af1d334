import type { Message } from '../message/message.ts'
import type { Handling } from './handling.ts'
import type { Voice } from './voice.ts'

/** What the route of the message makes of it. */
export interface Reading {
  readonly voice: Voice
  /** What `reply` is. */
  readonly makers: object
  payloadOf(decoded: unknown): unknown
  contextOf(decoded: unknown): unknown
}

/**
 * What a handler is given. Everything is a getter on the prototype, so that destructuring works and what a handler does not
 * name is not made.
 */
export class Context {
  readonly #handling: Handling
  readonly #route: Reading
  readonly #payload: unknown

  constructor(handling: Handling, route: Reading, payload: unknown) {
    this.#handling = handling
    this.#route = route
    this.#payload = payload
  }

  get payload(): unknown {
    return this.#route.payloadOf(this.#payload)
  }
  /** Of an asynchronous reply: what `send` was given as `context`. */
  get context(): unknown {
    return this.#route.contextOf(this.#payload)
  }
  get message(): Message {
    return this.#handling.message
  }
  get headers(): Readonly<Record<string, string>> {
    return this.#handling.message.headers
  }
  get key(): string | undefined {
    return this.#handling.message.key
  }
  get from(): string {
    return this.#handling.message.source
  }
  get signal(): AbortSignal {
    return this.#handling.delivered.signal
  }
  get attempt(): number {
    return this.#handling.delivered.attempt
  }
  get lost(): number {
    return this.#handling.delivered.delivery.lost
  }
  get fence(): number {
    return this.#handling.delivered.delivery.fence
  }
  get service(): string {
    return this.#handling.source
  }
  get remaining(): () => number | undefined {
    return () => this.#handling.remaining()
  }
  get reply(): unknown {
    return this.#route.makers
  }
  get publish(): unknown {
    return new this.#route.voice.Publish(this.#handling)
  }
  get call(): unknown {
    return new this.#route.voice.Call(this.#handling)
  }
}
