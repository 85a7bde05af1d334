import type { Route } from '../delivery/types.ts'
import { type Faults, PabalError } from '../errors.ts'
import { foreignReason, foreignType } from '../message/foreign.ts'
import type { Message } from '../message/message.ts'
import type { Handled } from './plan.ts'
import { OneWayRoute, type Participant } from './routes.ts'

type Lookup = (message: Message) => Route | undefined

/**
 * Where messages go that another client sent without CloudEvents attributes. On a service that chose one of its documents
 * for them: to that document's handler, which is given the message as it came. Everywhere else: to the invalid messages, at once.
 */
export class ForeignRoute extends OneWayRoute {
  /** Nobody said the version, and often not the content type: they are taken to be what the document declares. */
  override decode(message: Message): unknown {
    const { version, contentType } = this.codec
    return super.decode({ ...message, version, contentType: message.contentType === unknownContent ? contentType : message.contentType })
  }
}

/** What a message has whose sender named no content type. */
const unknownContent = 'application/octet-stream'

/** Says why, so that the message waits with it in the invalid-message channel. */
const refusal: Route = {
  decode(message: Message): never {
    const { id, source } = message
    const text = `the message ${id} from ${source} was not sent as a CloudEvent: ${foreignReason(message)}; the option "foreign" of serve names the document that it could be`
    throw new PabalError('INVALID_MESSAGE', text, { id })
  },
  handle: () => [],
}

/** The same lookup, which also knows what to do with a foreign message. */
export function withForeign(lookup: Lookup, route: Route = refusal): Lookup {
  return (message) => lookup(message) ?? (message.type === foreignType ? route : undefined)
}

/** The route of the document that the option names; undefined for `invalid`. Notes a name that is no document. */
export function foreignRoute(chosen: unknown, durable: readonly Handled[], participant: Participant): Route | undefined {
  const found = chosen === 'invalid' ? undefined : documentsOf(durable).find(({ data }) => data.type === chosen)
  return found === undefined ? undefined : new ForeignRoute(participant, found.data, found.handler)
}

export function checkForeign(chosen: unknown, durable: readonly Handled[], what: string, faults: Faults): void {
  const names = documentsOf(durable).map(({ data }) => data.type)
  if (chosen === undefined || chosen === 'invalid' || names.includes(chosen as string)) return
  const documents = names.length === 0 ? '; the contract declares no document' : ` or a document of the contract: ${names.join(', ')}`
  faults.add('INVALID_OPTION', `${what}: the option foreign is ${JSON.stringify(chosen)}, give 'invalid'${documents}`)
}

const documentsOf = (durable: readonly Handled[]): readonly Handled[] => durable.filter(({ data }) => data.kind === 'document')
