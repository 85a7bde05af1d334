import type { ServiceData, UseData } from '../data.ts'
import type { CommandShape, DocumentShape, EventShape, MessageShape, NotificationShape, QueryShape } from './message.ts'

/** Any contract: what functions that take one accept. */
export interface ServiceShape extends ServiceData {
  readonly commands: CommandsShape
  readonly documents: DocumentsShape
  readonly queries: QueriesShape
  readonly events: EventsShape
  readonly uses: UsesShape
}

export type CommandsShape = Readonly<Record<string, CommandShape | NotificationShape>>
export type DocumentsShape = Readonly<Record<string, DocumentShape>>
export type QueriesShape = Readonly<Record<string, QueryShape>>
export type EventsShape = Readonly<Record<string, Readonly<Record<string, EventShape>>>>
export type UsesShape = Readonly<Record<string, UseShape>>

/** A section that a contract leaves out. */
export type None = Readonly<Record<never, never>>

/** What `defineService` returns: plain data, with the types of its messages. */
export interface Service<
  Name extends string,
  Commands extends CommandsShape,
  Documents extends DocumentsShape,
  Queries extends QueriesShape,
  Events extends EventsShape,
  Uses extends UsesShape,
> extends ServiceShape {
  readonly name: Name
  readonly commands: Commands
  readonly documents: Documents
  readonly queries: Queries
  readonly events: Events
  readonly uses: Uses
}

/** A message of another service that this one uses. `~context`: types only. */
export interface UseShape extends UseData {
  readonly message: MessageShape
  readonly '~contextIn': unknown
  readonly '~contextOut': unknown
  readonly '~awaited': boolean
}

export interface UseOf<Message extends MessageShape, ContextIn, ContextOut, Awaited extends boolean> extends UseShape {
  readonly message: Message
  readonly '~contextIn': ContextIn
  readonly '~contextOut': ContextOut
  readonly '~awaited': Awaited
}

/** A service that declares nothing: what a subscriber outside any service is given to publish and call with. */
export interface Nobody extends ServiceShape {
  readonly commands: None
  readonly documents: None
  readonly queries: None
  readonly events: None
  readonly uses: None
}

/**
 * The type of a contract, to be named: `export interface Kitchen extends ContractOf<typeof contract> {}`. Every compiler
 * message and hover then says `Kitchen` instead of spelling the contract out.
 */
export type ContractOf<Contract extends ServiceShape> = Contract

/** Everything that is sent to a service by name: one flat namespace. */
export type Named<S extends ServiceShape> = S['commands'] & S['documents'] & S['queries']
