import type { Kind } from '../message/message.ts'
import type { StandardSchemaV1 } from './schema.ts'

/**
 * What a contract is at run time: plain data, the same from any copy or version of the library (`pabal: 1` marks it). The
 * types that users see are inferred beside it, in this folder; everything above works with these.
 */
export interface ServiceData {
  readonly pabal: 1
  readonly name: string
  readonly version: string
  readonly description?: string | undefined
  /** Commands and notifications. */
  readonly commands: Readonly<Record<string, MessageData>>
  readonly documents: Readonly<Record<string, MessageData>>
  readonly queries: Readonly<Record<string, MessageData>>
  /** By aggregate, which is also the name of the channel, then by event. */
  readonly events: Readonly<Record<string, Readonly<Record<string, MessageData>>>>
  readonly uses: Readonly<Record<string, UseData>>
}

export interface MessageData extends Described {
  readonly service: string
  readonly kind: Exclude<Kind, 'reply'>
  /** The name in the contract; for events `Aggregate.Event`: the CloudEvents type. */
  readonly type: string
  /** Events only. */
  readonly aggregate?: string | undefined
  readonly version: number
  readonly schema: StandardSchemaV1
  /** The payload field whose value is the partition key. Events are given theirs when published. */
  readonly key?: string | undefined
  /** How the body travels. */
  readonly content: Content
  /** Commands and queries: reply name → schema. */
  readonly replies?: Readonly<Record<string, ReplyData>> | undefined
  /** Queries: answered by one responder or by every serving group. */
  readonly to?: 'one' | 'many' | undefined
  /** Versions that are still read, and how each becomes the current one's input. */
  readonly accepts: Readonly<Record<number, OlderData>>
}

export interface ReplyData extends Described {
  readonly schema: StandardSchemaV1
  readonly content: Content
  /** Whether this outcome is a failure in the business sense. */
  readonly failure: boolean
}

export interface OlderData {
  readonly schema: StandardSchemaV1
  /** From the older version's output to the current version's input. */
  readonly upgrade: (old: unknown) => unknown
}

export interface UseData {
  readonly message: MessageData
  /** What the caller gets back beside the reply; travels with the request. */
  readonly context?: StandardSchemaV1 | undefined
  /** Commands: only called and waited for, never sent for a later reply; so no reply handlers are needed. */
  readonly awaited?: boolean | undefined
}

/** What `on` returns: what is done with some of an aggregate's events. */
export interface SubscriptionData {
  readonly pabal: 1
  /** The service that owns the aggregate. */
  readonly service: string
  readonly aggregate: string
  /** By event name: exactly those that have a handler. */
  readonly events: Readonly<Record<string, MessageData>>
  readonly handlers: Readonly<Record<string, (context: never) => unknown>>
}

export interface Described {
  readonly description?: string | undefined
  readonly examples?: readonly unknown[] | undefined
  readonly deprecated?: boolean | string | undefined
  readonly jsonSchema?: Readonly<Record<string, unknown>> | undefined
}

/** `json`: any JSON value; `text`: a string, UTF-8; `binary`: a Uint8Array, as it is. */
export type Content = 'json' | 'text' | 'binary'
