/**
 * What a message is for. `document`, `command`, `event`: Enterprise Integration Patterns; `notification`: a command
 * without a reply channel; `query`: a command that changes nothing.
 */
export type Kind = 'command' | 'notification' | 'document' | 'event' | 'query' | 'reply'

/**
 * What travels: a CloudEvents 1.0 event in binary mode. The fields are attributes and extensions, `headers` are the
 * user's own, `body` holds the payload's bytes in `contentType`.
 */
export interface Message {
  /** CloudEvents `id`: UUIDv7, the caller's own, or derived from the delivery being handled. */
  readonly id: string
  /** CloudEvents `source`: the service (or participant) that sent it. */
  readonly source: string
  /** CloudEvents `type`: the name in the contract, for events `Aggregate.Event`. */
  readonly type: string
  /** Extension `kind`. */
  readonly kind: Kind
  /** Extension `typeversion`: the version of the message type, from 1. */
  readonly version: number
  /** CloudEvents `time`, in milliseconds since 1970. */
  readonly time: number
  /** CloudEvents `datacontenttype`. */
  readonly contentType: string
  /** Extension `partitionkey`: messages with the same key stay in order. */
  readonly key?: string | undefined
  /** Extension `correlationid`: joins a reply to its request. */
  readonly correlationId?: string | undefined
  /** Extension `causationid`: the id of the message whose handler sent this one. */
  readonly causationId?: string | undefined
  /** Extension `replyto`: an address in the reply namespace. */
  readonly replyTo?: string | undefined
  /** Every other CloudEvents extension, by its wire name: `traceparent`, `replycontext`, `within`, dead-letter facts, … Lower case letters and digits. */
  readonly extensions: Readonly<Record<string, string>>
  /** The user's own headers, in their order and case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** What the sender is told to use where a record is empty: shared, so that no message allocates its own. */
export const none: Readonly<Record<string, string>> = Object.freeze(Object.create(null))
