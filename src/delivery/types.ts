import type { Channel } from '../channel/channel.ts'
import type { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Delivery, Outgoing, Transport } from '../transport/seam.ts'

/** When and how often a failed delivery is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first included. Default 10. */
  readonly attempts: number
  /** Wait before the second attempt, in milliseconds; doubles up to `maxDelay`. Defaults 100 and 30,000. */
  readonly delay: number
  readonly maxDelay: number
  /** Part of each wait that is random, 0 to 1. Default 0.2. */
  readonly jitter: number
}

export interface DeliveryPolicy {
  /** Handlers that run at once. Default 64. */
  readonly concurrency: number
  /** Bounds on what is handed out and unsettled. Defaults 1,000 messages, 16 MiB. */
  readonly maxMessages: number
  readonly maxBytes: number
  readonly retry: RetryPolicy
  /**
   * Chooses by what the handler threw: a changed policy, `'dead-letter'` for at once, undefined for the default: `retry`, and
   * for a `PabalError` that is not retryable no further attempt (`CLOSED` excepted).
   */
  readonly retryFor?: ((error: unknown) => Partial<RetryPolicy> | 'dead-letter' | undefined) | undefined
  /** How long a failing head is retried in memory while its followers wait, before its key is parked; milliseconds, default 30,000. Without a limit where the transport does not park. */
  readonly holdFor: number
  /** How many messages of one key may wait in memory behind one that failed, or runs for more than a second, before they are parked. Default 100. */
  readonly maxFollowers: number
  /**
   * What becomes of a keyed message whose attempts are spent: its key waits for a person (`park`), or it goes to the
   * dead-letter channel and the key goes on without it (`skip`, the default). Unkeyed ones always go to the dead letters.
   */
  readonly atEnd: 'park' | 'skip'
  /** How long an unknown command is given back before it goes to the invalid-message channel; milliseconds, default 30,000. */
  readonly unknownGrace: number
  /** How often a message may be lost with its process before it is dead-lettered. Default 3. */
  readonly maxLosses: number
}

/** What a route does with a delivery. */
export interface Route {
  /**
   * Decodes, upgrades and validates. Throws (or rejects with) `INVALID_MESSAGE` where the message cannot be used: it goes
   * to the invalid-message channel. A value or a promise: branched on, so that a synchronous schema costs no turn.
   */
  decode(message: Message): unknown
  /**
   * Runs the handler; what it emits leaves with the acknowledgement. A throw or a rejection is a failed attempt. A value or a
   * promise, as with `decode`.
   */
  handle(payload: unknown, context: HandleContext): readonly Outgoing[] | Promise<readonly Outgoing[]>
}

export interface HandleContext {
  readonly delivery: Delivery
  /** 1 for the first attempt. Rises in memory and in the parking lot alike. */
  readonly attempt: number
  /** When it was handed out, on the monotonic clock: what the sender's deadline is counted from. */
  readonly arrived: number
  /** False where it is handled as it arrives. */
  readonly waited: boolean
  readonly signal: AbortSignal
}

export interface ConsumerOptions {
  readonly transport: Transport
  readonly capabilities: Capabilities
  readonly runtime: Runtime
  readonly channel: Channel
  readonly group?: string | undefined
  /**
   * Which lane. Transient deliveries (false) are handled once, in no order: no retry, no dead letter, no parking. What
   * fails is counted, reported and answered by `onEnd`.
   */
  readonly durable: boolean
  readonly policy: DeliveryPolicy
  /** The route of a message, or undefined where this version does not know its type. */
  route(message: Message): Route | undefined
  /** `skip`: acknowledged and counted (events). `grace`: given back for `unknownGrace`, then invalid (commands). */
  readonly unknown: 'skip' | 'grace'
  readonly counters: Counters
  /** Told of everything that a person should know. What it throws is ignored. */
  report(event: DeliveryEvent): void
  /**
   * What else leaves when a message ends unhandled: as a dead letter, as an invalid message, or as a failed transient one.
   * The interaction layer tells the caller here. Leaves in the same settlement.
   */
  onEnd?(message: Message, error: PabalError): readonly Outgoing[]
}

/** One consumer: a subscription with its engine. */
export interface Consumer {
  /** Raises or lowers the number of handlers that run at once. */
  setConcurrency(value: number): void
  /**
   * Stops intake, finishes what runs and gives back the rest; failing messages are parked with their attempts. At `deadline`
   * milliseconds from now aborts the signals of what still runs and rejects with `DRAIN_TIMEOUT`. Idempotent.
   */
  close(deadline: number): Promise<void>
  readonly load: Load
}

export interface Load {
  /** Handlers that run. */
  readonly running: number
  /** Handed out and not running: waiting for a free handler, for the message before them, or for their next attempt. */
  readonly waiting: number
  /** Of both. */
  readonly bytes: number
  /** Keys whose first message failed and is retried in memory. */
  readonly heldKeys: number
  readonly parkedKeys: number
}

/** Counts since the start, by name: of what was decided. The store hears of it a moment later. */
export interface Counters {
  handled: number
  failedAttempts: number
  parked: number
  deadLettered: number
  invalid: number
  unknownSkipped: number
  released: number
  lateReplies: number
  expired: number
}

export interface DeliveryEvent {
  /** `discarded`: taken away because a person asked for it. */
  readonly what: 'failed' | 'parked' | 'dead-lettered' | 'invalid' | 'unknown' | 'discarded'
  readonly channel: string
  readonly group?: string | undefined
  readonly message: Message
  readonly error?: PabalError | undefined
}
