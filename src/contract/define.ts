import { Faults } from '../errors.ts'
import { checkContract } from './check.ts'
import type { MessageData, ServiceData, UseData } from './data.ts'
import type { CommandsShape, DocumentsShape, EventsShape, None, QueriesShape, Service, UsesShape } from './types/service.ts'

export interface ServiceOptions<
  Commands extends CommandsShape,
  Documents extends DocumentsShape,
  Queries extends QueriesShape,
  Events extends EventsShape,
  Uses extends UsesShape,
> {
  /** The contract's own version, for people and documentation: `1.2.0`. */
  readonly version: string
  readonly description?: string | undefined
  /** Commands and notifications by name. */
  readonly commands?: Commands | undefined
  readonly documents?: Documents | undefined
  readonly queries?: Queries | undefined
  /** By aggregate, whose name is the channel's, then by event. */
  readonly events?: Events | undefined
  /** Messages of other services that this one sends. */
  readonly uses?: Uses | undefined
}

/**
 * What a service agrees with the world: plain data and the types that follow from it. It needs no transport and does nothing.
 *
 * Throws one `INVALID_CONTRACT` that lists every fault: names that clash or cannot be channel names, schemas that are not Standard
 * Schemas, examples that do not fit, keys that the payload lacks, versions in disorder, commands without replies.
 */
export function defineService<
  const Name extends string,
  Commands extends CommandsShape = None,
  Documents extends DocumentsShape = None,
  Queries extends QueriesShape = None,
  Events extends EventsShape = None,
  Uses extends UsesShape = None,
>(
  name: Name,
  options: ServiceOptions<Commands, Documents, Queries, Events, Uses>,
): Service<Name, Commands, Documents, Queries, Events, Uses> {
  const faults = new Faults()
  checkContract(name, options, faults)
  faults.throwIfAny('INVALID_CONTRACT', `The contract of ${JSON.stringify(name) ?? String(name)}`)
  const events: Record<string, Readonly<Record<string, MessageData>>> = Object.create(null)
  for (const [aggregate, group] of Object.entries<EventsShape[string]>(options.events ?? {}))
    events[aggregate] = named(name, group, aggregate)
  const uses: Record<string, UseData> = Object.create(null)
  for (const [use, given] of Object.entries<UseData>(options.uses ?? {})) uses[use] = Object.freeze({ ...given })
  const data: ServiceData = {
    pabal: 1,
    name,
    version: options.version,
    description: options.description,
    commands: named(name, options.commands),
    documents: named(name, options.documents),
    queries: named(name, options.queries),
    events: Object.freeze(events),
    uses: Object.freeze(uses),
  }
  return Object.freeze(data) as Service<Name, Commands, Documents, Queries, Events, Uses>
}

/**
 * The declarations of a section, each with its name; copied, since one declaration may stand in several contracts. Sections have
 * no prototype, so that a name from the wire, such as `constructor`, finds nothing.
 */
function named(
  service: string,
  section: Readonly<Record<string, MessageData>> | undefined,
  aggregate?: string,
): Readonly<Record<string, MessageData>> {
  const result: Record<string, MessageData> = Object.create(null)
  for (const [name, message] of Object.entries(section ?? {}))
    result[name] = Object.freeze(
      aggregate === undefined ? { ...message, service, type: name } : { ...message, service, aggregate, type: `${aggregate}.${name}` },
    )
  return Object.freeze(result)
}
