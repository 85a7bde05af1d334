import type { MessageData, ServiceData, SubscriptionData } from '../contract/data.ts'
import type { Faults } from '../errors.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Handler } from './routes.ts'

/** What `serve` was given beside the contract, as plain data: by name, with `replies` and `on`. */
export type HandlersData = Readonly<Record<string, unknown>>

/** Everything that one participant handles, checked against its contract. */
export interface Plan {
  /** Commands, notifications, documents. */
  readonly durable: readonly Handled[]
  /** Queries to one. */
  readonly queries: readonly Handled[]
  /** Queries to many: each on a channel of its own. */
  readonly gathers: readonly Handled[]
  /** By use, then by reply name. */
  readonly replies: ReadonlyMap<string, ReadonlyMap<string, Handler>>
  /** By aggregate. */
  readonly events: ReadonlyMap<string, readonly Handled[]>
}

export interface Handled {
  readonly data: MessageData
  readonly handler: Handler
}

/** Pairs declarations with handlers; notes every one that is missing, unknown or there twice. */
export function planOf(contract: ServiceData, given: HandlersData, faults: Faults): Plan {
  const what = `serve ${contract.name}`
  const handlers: HandlersData = typeof given === 'object' && given !== null ? given : {}
  if (handlers !== given)
    faults.add('INVALID_CONFIGURATION', `${what}: the handlers are ${given === null ? 'null' : typeof given}, give an object`)
  const messages: readonly MessageData[] = [contract.commands, contract.documents, contract.queries].flatMap((section) =>
    Object.values(section),
  )
  const names = new Set(messages.map((data) => data.type))
  for (const name of Object.keys(handlers))
    if (!names.has(name) && name !== 'replies' && name !== 'on')
      faults.add('HANDLER_UNKNOWN', `${what}: there is a handler for ${JSON.stringify(name)}, which the contract does not declare`)
  const handled: Handled[] = []
  for (const data of messages) {
    const handler = Object.hasOwn(handlers, data.type) ? handlers[data.type] : undefined
    if (typeof handler === 'function') handled.push({ data, handler: handler as Handler })
    else if (handler === undefined) faults.add('HANDLER_MISSING', `${what}: there is no handler for the ${data.kind} ${data.type}`)
    else faults.add('INVALID_CONFIGURATION', `${what}: the handler of ${data.type} is ${typeof handler}, give a function`)
  }
  return {
    durable: handled.filter(({ data }) => data.kind !== 'query'),
    queries: handled.filter(({ data }) => data.kind === 'query' && data.to !== 'many'),
    gathers: handled.filter(({ data }) => data.kind === 'query' && data.to === 'many'),
    replies: repliesOf(contract, handlers.replies, what, faults),
    events: subscriptionsOf(handlers.on, what, faults),
  }
}

/** What the subscriptions of one participant handle, by aggregate. */
export function subscriptionsOf(given: unknown, what: string, faults: Faults): ReadonlyMap<string, readonly Handled[]> {
  const events = new Map<string, Handled[]>()
  if (given === undefined) return events
  if (!Array.isArray(given)) {
    faults.add('INVALID_CONFIGURATION', `${what}: "on" is ${typeof given}, give a list: on: [on(Kitchen.events.Ticket, { … })]`)
    return events
  }
  for (const each of given as readonly unknown[]) {
    if (!isSubscription(each)) {
      faults.add('INVALID_CONFIGURATION', `${what}: "on" holds something that on(…) did not return`)
      continue
    }
    let handled = events.get(each.aggregate)
    if (handled === undefined) {
      handled = []
      events.set(each.aggregate, handled)
    }
    for (const [name, data] of Object.entries(each.events)) {
      if (handled.some((other) => other.data.type === data.type))
        faults.add('HANDLER_DUPLICATE', `${what}: two subscriptions handle the event ${data.type}`)
      handled.push({ data, handler: each.handlers[name] as Handler })
    }
  }
  return events
}

function repliesOf(contract: ServiceData, given: unknown, what: string, faults: Faults): ReadonlyMap<string, ReadonlyMap<string, Handler>> {
  const all = new Map<string, ReadonlyMap<string, Handler>>()
  const replies = (typeof given === 'object' && given !== null ? given : {}) as HandlersData
  for (const use of Object.keys(replies))
    if (contract.uses[use]?.message.kind !== 'command')
      faults.add(
        'HANDLER_UNKNOWN',
        `${what}: there are reply handlers for ${JSON.stringify(use)}, which is not a command that the contract uses`,
      )
  for (const [use, { message, awaited }] of Object.entries(contract.uses)) {
    // What is only ever awaited has no later reply.
    if (message.kind !== 'command' || awaited === true) continue
    const handlers = (Object.hasOwn(replies, use) ? (replies[use] ?? {}) : {}) as HandlersData
    const declared = Object.keys(message.replies ?? {})
    const found = new Map<string, Handler>()
    for (const name of Object.keys(handlers))
      if (!declared.includes(name))
        faults.add(
          'HANDLER_UNKNOWN',
          `${what}: replies.${use} has a handler for ${JSON.stringify(name)}; ${message.service}.${message.type} answers with ${declared.join(', ')}`,
        )
    for (const name of declared) {
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
      if (typeof handler === 'function') found.set(name, handler as Handler)
      else faults.add('HANDLER_MISSING', `${what}: there is no handler for the reply replies.${use}.${name}`)
    }
    all.set(use, found)
  }
  return all
}

/** What the plan asks of the transport and the transport does not declare. */
export function checkCapabilities(plan: Plan, declared: Capabilities, what: string, transport: string, faults: Faults): void {
  const lacks = (capability: keyof Capabilities, wish: string) =>
    faults.add('UNSUPPORTED', `${what}: ${wish}, and the transport ${transport} does not declare "${capability}"`)
  if (!declared.durableGroups && plan.events.size > 0) lacks('durableGroups', `it subscribes to ${[...plan.events.keys()].join(', ')}`)
  const keyed = plan.durable.find(({ data }) => data.key !== undefined)
  if (!declared.ordersByKey && keyed !== undefined) lacks('ordersByKey', `${keyed.data.type} is ordered by the key ${keyed.data.key}`)
}

/** Plain data from any copy of the library: told by its mark, not by its class. */
export function isContract(value: unknown): value is ServiceData {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pabal' in value &&
    value.pabal === 1 &&
    'commands' in value &&
    'events' in value &&
    'uses' in value
  )
}

function isSubscription(value: unknown): value is SubscriptionData {
  return typeof value === 'object' && value !== null && 'pabal' in value && value.pabal === 1 && 'aggregate' in value && 'handlers' in value
}
