import type { Message } from '../../message/message.ts'
import type { Call, Publish } from './call.ts'
import type { ReplyOptions } from './options.ts'
import type { EventsShape, Named, ServiceShape } from './service.ts'

/** What every handler of a service is given. */
export interface HandlerContext<S extends ServiceShape> {
  /** The envelope: id, source, time, causation, extensions. */
  readonly message: Message
  /** The service that sent the message; for a reply the one that answered. */
  readonly from: string
  /** The sender's own headers. */
  readonly headers: Readonly<Record<string, string>>
  /** The partition key: messages with the same key are handled one at a time, in order. */
  readonly key: string | undefined
  /** Aborted when this consumer lost the message to another one, or is closing: what the handler does from then on is in vain. */
  readonly signal: AbortSignal
  /** 1 for the first attempt. */
  readonly attempt: number
  /** How often the message was lost with its process before. */
  readonly lost: number
  /** Rises with every owner of the message's shard: a fencing token for effects outside. */
  readonly fence: number
  /** Milliseconds that are left of the caller's deadline, at least 0; undefined where there is none. */
  remaining(): number | undefined
  /** Asks other services, as declared in `uses`. */
  readonly call: Call<S>
  /** Publishes this service's own events. */
  readonly publish: Publish<S>
}

export interface MessageContext<S extends ServiceShape, K extends keyof Named<S>> extends HandlerContext<S> {
  /** What the schema made of the sender's payload. */
  readonly payload: Named<S>[K]['~out']
}

export interface ReplyingContext<S extends ServiceShape, K extends keyof Named<S>> extends MessageContext<S, K> {
  /** Makes the reply that the handler returns: `return reply.TicketCreated({ ticketId })`. */
  readonly reply: ReplyMaker<S, K>
}

export type ReplyMaker<S extends ServiceShape, K extends keyof Named<S>> = {
  readonly [R in keyof Named<S>[K]['~replyIn']]: (payload: Named<S>[K]['~replyIn'][R], options?: ReplyOptions) => Reply<S, K>
}

/** One of the declared replies; only `reply` makes one. */
export interface Reply<S extends ServiceShape, K extends keyof Named<S>> {
  readonly '~reply': 1
  readonly type: keyof Named<S>[K]['~replyIn']
  readonly payload: Named<S>[K]['~replyIn'][keyof Named<S>[K]['~replyIn']]
}

/** What a handler of an asynchronous reply is given. */
export interface ReplyContext<S extends ServiceShape, U extends keyof S['uses'], R extends keyof S['uses'][U]['message']['~replyOut']>
  extends HandlerContext<S> {
  readonly payload: S['uses'][U]['message']['~replyOut'][R]
  /** What `send` was given as `context`; undefined where the contract declares none. */
  readonly context: DeclaredContext<S['uses'][U]['~contextOut']>
}

export type DeclaredContext<Context> = [Context] extends [never] ? undefined : Context

/** What a subscriber is given. `S` is the service that subscribes. */
export interface EventContext<Events extends EventsShape[string], E extends keyof Events, S extends ServiceShape>
  extends HandlerContext<S> {
  readonly payload: Events[E]['~out']
  /** The aggregate's id. */
  readonly key: string
}
