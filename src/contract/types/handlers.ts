import type { SubscriptionData } from '../data.ts'
import type { EventContext, HandlerContext, MessageContext, Reply, ReplyContext, ReplyingContext } from './context.ts'
import type { CommandShape, QueryShape } from './message.ts'
import type { EventsShape, Named, ServiceShape } from './service.ts'

/**
 * What a service does with each message that its contract declares, by name; with the replies to what it sent (`replies`), and
 * with the events that it subscribed to (`on`). For a handler in a file of its own: `Handlers<Kitchen>['createTicket']`.
 */
export type Handlers<S extends ServiceShape> = { readonly [K in keyof HandlerNames<S>]: HandlerFor<S, K> }

/** Only the names and which of them may be left out: a mapped type over it keeps the `?`. */
type HandlerNames<S extends ServiceShape> = Named<S> & ReplyNames<S, Answered<S>> & { readonly on?: unknown }
type ReplyNames<_S, U> = [U] extends [never] ? { readonly replies?: unknown } : { readonly replies: unknown }

type HandlerFor<S extends ServiceShape, K> = K extends keyof Named<S>
  ? Named<S>[K] extends CommandShape | QueryShape
    ? ReplyingHandler<S, K>
    : OneWayHandler<S, K>
  : K extends 'replies'
    ? ReplyHandlers<S>
    : readonly Subscription<S>[]

/** The uses whose replies can come later: commands that are not only awaited. */
type Answered<S extends ServiceShape> = {
  [U in keyof S['uses']]: S['uses'][U]['message'] extends CommandShape ? (S['uses'][U]['~awaited'] extends true ? never : U) : never
}[keyof S['uses']]

export type ReplyingHandler<S extends ServiceShape, K extends keyof Named<S>> = (
  context: ReplyingContext<S, K>,
) => Reply<S, K> | Promise<Reply<S, K>>

export interface OneWayHandler<S extends ServiceShape, K extends keyof Named<S>> {
  // Nothing is expected, and what is returned by mistake should not compile.
  (context: MessageContext<S, K>): void | Promise<void>
}

/** What a service does with the replies to the commands that it sent with `call.….send`. */
export type ReplyHandlers<S extends ServiceShape> = { readonly [U in Answered<S>]: ReplyHandlersOf<S, U> }

export type ReplyHandlersOf<S extends ServiceShape, U extends keyof S['uses']> = {
  readonly [R in keyof S['uses'][U]['message']['~replyOut']]: ReplyHandler<S, U, R>
}

export type ReplyHandler<S extends ServiceShape, U extends keyof S['uses'], R extends keyof S['uses'][U]['message']['~replyOut']> = (
  context: ReplyContext<S, U, R>,
) => void | Promise<void>

/** What is done with some of an aggregate's events; the others are not subscribed to. `S` is the service that subscribes. */
export type Subscriber<Events extends EventsShape[string], S extends ServiceShape> = {
  readonly [E in keyof Events]?: EventHandler<Events, E, S>
}

export type EventHandler<Events extends EventsShape[string], E extends keyof Events, S extends ServiceShape> = (
  context: EventContext<Events, E, S>,
) => void | Promise<void>

/** What `on` returns, for the service `S` or for any that offers what its handlers call and publish. */
export interface Subscription<S extends ServiceShape> extends SubscriptionData {
  /** Types only. */
  readonly '~for': ((context: HandlerContext<S>) => void) | undefined
}
