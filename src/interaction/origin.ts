import type { Channel } from '../channel/channel.ts'
import { type Message, none } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'

/** On whose behalf something is sent: a client, a service outside its handlers, or the handling of one delivery. */
export interface Origin {
  /** CloudEvents `source`. */
  readonly source: string
  /** The id of the next message of this type to this channel. */
  nextId(channel: Channel, type: string, now: number): string
  /** What joins everything that followed from one first message; undefined where this is the first. */
  readonly conversation: string | undefined
  /** The id of the message being handled. */
  readonly cause: string | undefined
  /** Extensions that follow from the message being handled: trace context. Undefined where there are none. */
  readonly inherited: Readonly<Record<string, string>> | undefined
  /** The longest that something asked now may wait, in milliseconds; undefined: as long as it says itself. */
  allowance(): number | undefined
}

/** Sends on its own account: nothing is inherited. */
export class PlainOrigin implements Origin {
  readonly source: string
  readonly conversation = undefined
  readonly cause = undefined
  readonly inherited = undefined
  readonly #runtime: Runtime

  constructor(source: string, runtime: Runtime) {
    this.source = source
    this.#runtime = runtime
  }

  nextId(_channel: Channel, _type: string, now: number): string {
    return this.#runtime.id(now)
  }

  allowance(): undefined {
    return undefined
  }
}

/**
 * What joins a chain of messages: a request's own correlation id belongs to its reply, so that of the chain travels beside
 * it in an extension; everything else carries the chain's as its correlation id.
 */
export function conversationOf(message: Message): string {
  return (message.extensions === none ? undefined : message.extensions.conversationid) ?? message.correlationId ?? message.id
}

/** The trace context (W3C) that a message carries, for what follows from it. */
export function traceOf(message: Message): Readonly<Record<string, string>> | undefined {
  if (message.extensions === none) return undefined
  const { traceparent, tracestate } = message.extensions
  if (traceparent === undefined) return undefined
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate }
}

/** The milliseconds that the sender still waits, as they travel; undefined where there are none or they are no number. */
export function withinOf(message: Message): number | undefined {
  // Looking for something in the empty record costs more than knowing it.
  if (message.extensions === none) return undefined
  const text = message.extensions.within
  if (text === undefined) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
