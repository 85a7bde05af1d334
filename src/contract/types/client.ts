import type { CommandShape, DocumentShape, NotificationShape, QueryShape } from './message.ts'
import type { DelayOptions, GatherOptions, RequestOptions } from './options.ts'
import type { Accepted, Gathering, Outcome } from './outcome.ts'
import type { Named, ServiceShape } from './service.ts'

/** How a service is asked from outside: one member for each command, notification, document and query. */
export type Client<S extends ServiceShape> = {
  readonly [K in keyof Named<S>]: Named<S>[K] extends CommandShape
    ? CommandClient<S, K>
    : Named<S>[K] extends NotificationShape | DocumentShape
      ? OneWayClient<S, K>
      : Named<S>[K] extends QueryShape
        ? QueryClient<S, K, Named<S>[K]['to']>
        : never
}

/** Clients by the name that the caller gives each: `app.clients({ kitchen: Kitchen })`. */
export type Clients<Services extends Readonly<Record<string, ServiceShape>>> = { readonly [K in keyof Services]: Client<Services[K]> }

export interface CommandClient<S extends ServiceShape, K extends keyof Named<S>> {
  /**
   * Request/response: sends the command durably and waits for its reply. At the deadline rejects with `OUTCOME_UNKNOWN`, which
   * carries the id under which the command can be sent again.
   */
  (payload: Named<S>[K]['~in'], options?: RequestOptions): Promise<Outcome<Named<S>[K]>>
  /** Request/asynchronous response: resolves when the command is safe; the reply reaches the sender's reply handlers, if it has any. */
  send(payload: Named<S>[K]['~in'], options?: DelayOptions): Promise<Accepted>
}

export interface OneWayClient<S extends ServiceShape, K extends keyof Named<S>> {
  /** Sends one way: resolves when the message is safe. There is no reply to wait for. */
  (payload: Named<S>[K]['~in'], options?: DelayOptions): Promise<Accepted>
}

export type QueryClient<S extends ServiceShape, K extends keyof Named<S>, To> = To extends 'many' ? GatherClient<S, K> : AskClient<S, K>

export interface AskClient<S extends ServiceShape, K extends keyof Named<S>> {
  /** Asks one responder and waits. Transient: at the deadline rejects with `TIMEOUT`, and nothing was changed. */
  (payload: Named<S>[K]['~in'], options?: RequestOptions): Promise<Outcome<Named<S>[K]>>
}

export interface GatherClient<S extends ServiceShape, K extends keyof Named<S>> {
  /** Publish/asynchronous responses: asks every responder, and yields the answers as they come. */
  gather(payload: Named<S>[K]['~in'], options?: GatherOptions<Outcome<Named<S>[K]>>): Answers<S, K>
}

/** The answers of many to a client's question. */
export interface Answers<S extends ServiceShape, K extends keyof Named<S>> extends Gathering<Outcome<Named<S>[K]>> {}
