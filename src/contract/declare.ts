import type { Content, MessageData, OlderData, ReplyData } from './data.ts'
import type { KeyedOptions, MessageOptions, Older, QueryOptions, ReplyingOptions } from './options.ts'
import { replyData } from './reply.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { Carried, Settled } from './types/carried.ts'
import type { CommandOf, DocumentOf, EventOf, NotificationOf, QueryOf } from './types/message.ts'

/**
 * A command: changes something, and answers with one of its `replies`. Durable, however it is called.
 *
 * Declares only: `defineService` checks it and reports what is wrong with all declarations together.
 */
export function command<In, Out, ReplyIn, ReplyOut, Old extends In = In, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options: ReplyingOptions<In, ReplyIn, ReplyOut, Old, Body>,
): CommandOf<In, Out, ReplyIn, ReplyOut> {
  return declared('command', schema, options) as CommandOf<In, Out, ReplyIn, ReplyOut>
}

/** A one-way notification: a command without a reply channel. Durable. */
export function notification<In, Out, Old extends In = In, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options?: KeyedOptions<In, Old, Body>,
): NotificationOf<In, Out> {
  return declared('notification', schema, options) as NotificationOf<In, Out>
}

/** A document: data that the receiver may use as it sees fit. Durable, one way. */
export function document<In, Out, Old extends In = In, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options?: KeyedOptions<In, Old, Body>,
): DocumentOf<In, Out> {
  return declared('document', schema, options) as DocumentOf<In, Out>
}

/** An event: something that happened to an aggregate. Only the service that declares it can publish it. Durable. */
export function event<In, Out, Old extends In = In, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options?: MessageOptions<In, Old, Body>,
): EventOf<In, Out> {
  return declared('event', schema, options) as EventOf<In, Out>
}

/** A query: changes nothing. Transient: it and its replies take the lightest path, and are dropped at the deadline. */
export function query<In, Out, ReplyIn, ReplyOut, Old extends In = In, Body extends Content = 'json', To extends 'one' | 'many' = 'one'>(
  schema: Carried<In, Out, Body>,
  options: QueryOptions<In, ReplyIn, ReplyOut, Old, Body, To>,
): QueryOf<Settled<To>, In, Out, ReplyIn, ReplyOut> {
  return declared('query', schema, options) as MessageData as QueryOf<Settled<To>, In, Out, ReplyIn, ReplyOut>
}

/**
 * An older version of a message that is still read. What it carried is validated by its own schema and upgraded to the current
 * version's input, which the current schema then validates.
 */
export function older<Out, Next>(schema: StandardSchemaV1<unknown, Out>, upgrade: (old: Out) => Next): Older<Next> {
  return { schema, upgrade }
}

interface AnyOptions {
  readonly key?: string | undefined
  readonly version?: number | undefined
  readonly content?: Content | undefined
  readonly accepts?: Readonly<Record<number, Older<unknown>>> | undefined
  readonly replies?: Readonly<Record<string, unknown>> | undefined
  readonly to?: 'one' | 'many' | undefined
  readonly description?: string | undefined
  readonly examples?: readonly unknown[] | undefined
  readonly deprecated?: boolean | string | undefined
  readonly jsonSchema?: Readonly<Record<string, unknown>> | undefined
}

/** Nothing is checked yet, and nothing left out, so that all faults can be told together; service and type are filled in by `defineService`, which knows the names. */
function declared(kind: MessageData['kind'], schema: unknown, options: AnyOptions = {}): MessageData {
  const { replies, accepts, version = 1, content = 'json', ...rest } = options
  return {
    ...rest,
    service: '',
    kind,
    type: '',
    version,
    schema: schema as StandardSchemaV1,
    content,
    accepts: { ...accepts } as Readonly<Record<number, OlderData>>,
    ...((kind === 'command' || kind === 'query' || replies !== undefined) && { replies: repliesOf(replies) }),
    ...(kind === 'query' && { to: options.to ?? 'one' }),
  }
}

function repliesOf(replies: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, ReplyData>> {
  const data: Record<string, ReplyData> = Object.create(null)
  for (const name of Object.keys(replies ?? {})) data[name] = replyData(replies?.[name])
  return data
}
