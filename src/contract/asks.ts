import type { UseData } from './data.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { Carried, Settled } from './types/carried.ts'
import type { CommandShape, DocumentShape, NotificationShape, QueryShape } from './types/message.ts'
import type { UseOf } from './types/service.ts'

export interface AskOptions<ContextSchema> {
  /** Commands: what `send` takes as `context` and the reply handler is given back. It travels with the message, as JSON. */
  readonly context?: ContextSchema | undefined
}

/**
 * What a service uses of another: `uses: { createTicket: asks(Kitchen.commands.createTicket, { context: OrderRef }) }`. The name
 * on the left is the service's own.
 */
export function asks<Message extends CommandShape | NotificationShape | DocumentShape | QueryShape, ContextIn = never, ContextOut = never>(
  message: Message,
  options?: AskOptions<Carried<ContextIn, ContextOut, 'json'>>,
): UseOf<Message, Settled<ContextIn>, Settled<ContextOut>> {
  const data: UseData = { message, context: options?.context as StandardSchemaV1 | undefined }
  return data as UseOf<Message, Settled<ContextIn>, Settled<ContextOut>>
}
