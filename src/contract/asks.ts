import type { UseData } from './data.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { Carried, Settled } from './types/carried.ts'
import type { CommandShape, DocumentShape, NotificationShape, QueryShape } from './types/message.ts'
import type { UseOf } from './types/service.ts'

export interface AskOptions<ContextSchema, Awaited extends boolean> {
  /** Commands: what `send` takes as `context` and the reply handler is given back. It travels with the message, as JSON. */
  readonly context?: ContextSchema | undefined
  /** Commands: only called and waited for. There is no `send` then, and no handlers for later replies are asked for. Default false. */
  readonly awaited?: Awaited | undefined
}

/**
 * What a service uses of another: `uses: { createTicket: asks(Kitchen.commands.createTicket, { context: OrderRef }) }`. The name
 * on the left is the service's own.
 */
export function asks<
  Message extends CommandShape | NotificationShape | DocumentShape | QueryShape,
  ContextIn = never,
  ContextOut = never,
  Awaited extends boolean = false,
>(
  message: Message,
  options?: AskOptions<Carried<ContextIn, ContextOut, 'json'>, Awaited>,
): UseOf<Message, Settled<ContextIn>, Settled<ContextOut>, Settled<Awaited>> {
  const data: UseData = { message, context: options?.context as StandardSchemaV1 | undefined, awaited: options?.awaited }
  return data as UseOf<Message, Settled<ContextIn>, Settled<ContextOut>, Settled<Awaited>>
}
