import type { CommandShape, DocumentShape, NotificationShape, QueryShape } from './message.ts'
import type { DelayOptions, GatherOptions, PublishOptions, RequestOptions } from './options.ts'
import type { Accepted, Gathering, Outcome } from './outcome.ts'
import type { ServiceShape } from './service.ts'

/**
 * How a service asks others: one member for each of its `uses`. Causation, the remaining time and message ids follow from
 * what is being handled.
 */
export type Call<S extends ServiceShape> = { readonly [U in keyof S['uses']]: CallOf<S, U> }

type CallOf<S extends ServiceShape, U extends keyof S['uses']> = S['uses'][U]['message'] extends CommandShape
  ? S['uses'][U]['~awaited'] extends true
    ? AskCall<S, U>
    : CommandCall<S, U>
  : S['uses'][U]['message'] extends NotificationShape | DocumentShape
    ? OneWayCall<S, U>
    : S['uses'][U]['message'] extends QueryShape
      ? QueryCall<S, U, S['uses'][U]['message']['to']>
      : never

export interface CommandCall<S extends ServiceShape, U extends keyof S['uses']> {
  /** Request/response: waits for the reply, at most for what is left of the caller's own deadline. */
  (payload: S['uses'][U]['message']['~in'], options?: RequestOptions): Promise<Outcome<S['uses'][U]['message']>>
  /** Request/asynchronous response: the reply reaches the handler in `replies`, also after a restart, with the `context` given here. */
  send(payload: S['uses'][U]['message']['~in'], ...options: ContextOptions<S['uses'][U]['~contextIn']>): Promise<Accepted>
}

/** Without a declared context the options may be left out; with one they hold it. */
export type ContextOptions<Context> = [Context] extends [never]
  ? [options?: DelayOptions]
  : [options: DelayOptions & { readonly context: Context }]

export interface OneWayCall<S extends ServiceShape, U extends keyof S['uses']> {
  /** Sends one way. There is no reply to wait for. */
  (payload: S['uses'][U]['message']['~in'], options?: DelayOptions): Promise<Accepted>
}

export type QueryCall<S extends ServiceShape, U extends keyof S['uses'], To> = To extends 'many' ? GatherCall<S, U> : AskCall<S, U>

export interface AskCall<S extends ServiceShape, U extends keyof S['uses']> {
  /** Asks one responder and waits; for a query, or a command that the contract declares to be `awaited`. */
  (payload: S['uses'][U]['message']['~in'], options?: RequestOptions): Promise<Outcome<S['uses'][U]['message']>>
}

export interface GatherCall<S extends ServiceShape, U extends keyof S['uses']> {
  /** Asks every responder, and yields the answers as they come. */
  gather(payload: S['uses'][U]['message']['~in'], options?: GatherOptions<Outcome<S['uses'][U]['message']>>): CallAnswers<S, U>
}

/** The answers of many to a service's question. */
export interface CallAnswers<S extends ServiceShape, U extends keyof S['uses']> extends Gathering<Outcome<S['uses'][U]['message']>> {}

/** What a service publishes: its own events, `publish.Ticket.TicketAccepted(key, payload)`. Nobody else's. */
export type Publish<S extends ServiceShape> = { readonly [A in keyof S['events']]: PublishOf<S, A> }

export type PublishOf<S extends ServiceShape, A extends keyof S['events']> = {
  readonly [E in keyof S['events'][A]]: PublishEvent<S, A, E>
}

export interface PublishEvent<S extends ServiceShape, A extends keyof S['events'], E extends keyof S['events'][A]> {
  /** `key`: the aggregate's id; events of one key stay in order. */
  (key: string, payload: S['events'][A][E]['~in'], options?: PublishOptions): Promise<Accepted>
}
