import type { Duration } from '../../runtime/duration.ts'

/** For whatever is sent. */
export interface SendOptions {
  /** The caller's own message id. Default: a new UUIDv7, inside a handler one that is derived from the delivery. */
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The partition key: messages with the same key stay in order. Default: the payload field that the contract names. */
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Inside a handler: send at once, whatever becomes of the handler. Default: it leaves with the handler's acknowledgement. */
  readonly immediate?: boolean | undefined
}

/** For what is durable and awaits nothing: it may be delivered later. */
export interface DelayOptions extends SendOptions {
  /** Deliver no sooner than this from now. */
  readonly after?: Duration | undefined
  /** Deliver no sooner than this date, or number of milliseconds since 1970. */
  readonly at?: Date | number | undefined
}

/** For what is published. */
export interface PublishOptions {
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Inside a handler: publish at once, whatever becomes of the handler. Default: it leaves with the handler's acknowledgement. */
  readonly immediate?: boolean | undefined
}

/** For a reply that a handler returns. */
export interface ReplyOptions {
  /** The responder's own, beside the body: what handlers of the reply are given as `headers`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** For a call that waits for its reply. */
export interface RequestOptions {
  /** How long to wait. Default: the client's `within`, inside a handler at most what is left of the caller's. */
  readonly within?: Duration | undefined
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly key?: string | undefined
  /** Ends the wait with `CANCELLED`. */
  readonly signal?: AbortSignal | undefined
}

/** For a question to many. */
export interface GatherOptions<Answer> {
  /** How long to gather. Default: the client's `within`. */
  readonly within?: Duration | undefined
  /** Ends earlier: after so many answers, so many of the expected responders, or when a function says so. */
  readonly until?:
    | { readonly count: number }
    | { readonly quorum: number }
    | { readonly when: (replies: readonly Answer[]) => boolean }
    | undefined
  /** The responders that should answer: gathering ends when all did, and `missing` names those that did not. */
  readonly expected?: readonly string[] | undefined
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}
