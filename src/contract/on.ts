import { PabalError } from '../errors.ts'
import type { MessageData, SubscriptionData } from './data.ts'
import type { Subscriber, Subscription } from './types/handlers.ts'
import type { EventShape } from './types/message.ts'
import type { Nobody, ServiceShape } from './types/service.ts'

/**
 * Subscribes to events of one aggregate: `on(Kitchen.events.Ticket, { TicketAccepted: ({ payload, key }) => … })`. Events that
 * are not listed are not handled. For the `on` list of `app.serve`, where handlers can also `call` and `publish` as that
 * service, and for `app.on`, which subscribes for as long as the process lives.
 *
 * Throws `INVALID_CONFIGURATION` where a handler is not a function or none is given, `HANDLER_UNKNOWN` for an event that the
 * contract does not declare.
 */
export function on<Events extends Readonly<Record<string, EventShape>>, S extends ServiceShape = Nobody>(
  events: Events,
  handlers: Subscriber<Events, S>,
): Subscription<S> {
  const declared: Readonly<Record<string, MessageData>> = events ?? {}
  const first = Object.values(declared)[0]
  if (first?.aggregate === undefined || first.service === '')
    throw new PabalError(
      'INVALID_CONFIGURATION',
      'on(…) was not given the events of an aggregate of a defined service: pass them as in on(Kitchen.events.Ticket, { … })',
    )
  const { aggregate, service } = first
  const wanted: Record<string, MessageData> = Object.create(null)
  const chosen: Record<string, SubscriptionData['handlers'][string]> = Object.create(null)
  for (const [name, handler] of Object.entries<unknown>(handlers ?? {})) {
    const message = Object.hasOwn(declared, name) ? declared[name] : undefined
    if (message === undefined)
      throw new PabalError(
        'HANDLER_UNKNOWN',
        `on(${aggregate}): ${service} declares no event ${JSON.stringify(name)}; it declares ${Object.keys(declared).join(', ')}`,
      )
    if (typeof handler !== 'function')
      throw new PabalError('INVALID_CONFIGURATION', `on(${aggregate}): the handler of ${name} is ${typeof handler}, give a function`)
    wanted[name] = message
    chosen[name] = handler as SubscriptionData['handlers'][string]
  }
  if (Object.keys(wanted).length === 0)
    throw new PabalError(
      'INVALID_CONFIGURATION',
      `on(${aggregate}): no handler was given; handle at least one of ${Object.keys(declared).join(', ')}`,
    )
  const data: SubscriptionData = { pabal: 1, service, aggregate, events: wanted, handlers: chosen }
  return data as Subscription<S>
}
