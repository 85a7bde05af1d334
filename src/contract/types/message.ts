import type { MessageData } from '../data.ts'

/**
 * A declaration with its types. The `~` members are types only: nothing is there at run time. They hold plain payload
 * types, never a schema, so that the `.d.ts` of a contract names no validator.
 */
export interface MessageShape extends MessageData {
  /** What a sender gives: the schema's input. */
  readonly '~in': unknown
  /** What a receiver gets: the schema's output. */
  readonly '~out': unknown
  /** By reply name. */
  readonly '~replyIn': unknown
  readonly '~replyOut': unknown
}

export interface CommandShape extends MessageShape {
  readonly kind: 'command'
}
export interface NotificationShape extends MessageShape {
  readonly kind: 'notification'
}
export interface DocumentShape extends MessageShape {
  readonly kind: 'document'
}
export interface QueryShape extends MessageShape {
  readonly kind: 'query'
  readonly to: 'one' | 'many'
}
export interface EventShape extends MessageShape {
  readonly kind: 'event'
}

/** A command: changes something, and answers with one of its declared replies. */
export interface CommandOf<In, Out, ReplyIn, ReplyOut> extends CommandShape {
  readonly '~in': In
  readonly '~out': Out
  readonly '~replyIn': ReplyIn
  readonly '~replyOut': ReplyOut
}

/** A one-way notification: a command without a reply channel. */
export interface NotificationOf<In, Out> extends NotificationShape {
  readonly '~in': In
  readonly '~out': Out
}

/** A document: data whose receiver decides what to do with it. */
export interface DocumentOf<In, Out> extends DocumentShape {
  readonly '~in': In
  readonly '~out': Out
}

/** A query: changes nothing; answered by one responder, or by many. */
export interface QueryOf<To extends 'one' | 'many', In, Out, ReplyIn, ReplyOut> extends QueryShape {
  readonly to: To
  readonly '~in': In
  readonly '~out': Out
  readonly '~replyIn': ReplyIn
  readonly '~replyOut': ReplyOut
}

/** An event: something happened to an aggregate. */
export interface EventOf<In, Out> extends EventShape {
  readonly '~in': In
  readonly '~out': Out
}
