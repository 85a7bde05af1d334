import type { Faults } from '../errors.ts'
import type { Add } from './add.ts'
import { checkMessageData } from './check-message.ts'
import { checkChannel, checkName } from './check-name.ts'
import { checkSchema } from './check-schema.ts'
import type { MessageData, UseData } from './data.ts'

interface Sections {
  readonly version?: unknown
  readonly commands?: Readonly<Record<string, MessageData>> | undefined
  readonly documents?: Readonly<Record<string, MessageData>> | undefined
  readonly queries?: Readonly<Record<string, MessageData>> | undefined
  readonly events?: Readonly<Record<string, Readonly<Record<string, MessageData>>>> | undefined
  readonly uses?: Readonly<Record<string, UseData>> | undefined
}

const known = ['version', 'description', 'commands', 'documents', 'queries', 'events', 'uses']
const sections = {
  commands: { kinds: ['command', 'notification'], made: 'command(…) or notification(…)' },
  documents: { kinds: ['document'], made: 'document(…)' },
  queries: { kinds: ['query'], made: 'query(…)' },
} as const
/** These stand beside the handlers' names. */
const besideHandlers = ['replies', 'on']

/** Adds every fault of a contract; throws nothing itself, whatever it was given. */
export function checkContract(name: unknown, options: Sections, faults: Faults): void {
  const add = (text: string): void => faults.add('INVALID_CONTRACT', text)
  if (typeof name !== 'string') add(`the name is ${typeof name}, give a string`)
  else checkChannel('the service name', name, add)
  if (typeof options !== 'object' || options === null) add('no declarations were given: give at least { version }')
  else checkSections(name, options, add)
}

function checkSections(name: unknown, options: Sections, add: Add): void {
  for (const option of Object.keys(options))
    if (!known.includes(option)) add(`${JSON.stringify(option)} is not a section of a contract: use ${known.join(', ')}`)
  if (typeof options.version !== 'string' || options.version === '')
    add(`version is ${JSON.stringify(options.version)}, give one such as '1.0.0'`)
  checkNamed(options, add)
  checkEvents(name, options, add)
  for (const [key, use] of groupOf('uses', options.uses, add)) checkUse(key, use, add)
}

/** Commands, documents and queries: one namespace. */
function checkNamed(options: Sections, add: Add): void {
  const owners = new Map<string, string>()
  for (const [section, { kinds, made }] of Object.entries(sections)) {
    const group = groupOf(section, options[section as keyof typeof sections], add)
    for (const [key, message] of group) {
      const where = `${section}.${key}`
      checkName(where, key, add)
      if (besideHandlers.includes(key)) add(`${where}: the name is taken, since handlers have a member ${key} of their own`)
      const owner = owners.get(key)
      if (owner !== undefined) add(`${where}: ${owner} has the same name; commands, documents and queries share one namespace`)
      owners.set(key, where)
      if (isMessage(message, kinds)) checkMessageData(where, message, add)
      else add(`${where} is not declared with ${made}`)
    }
  }
}

function checkEvents(name: unknown, options: Sections, add: Add): void {
  for (const [aggregate, events] of groupOf('events', options.events, add)) {
    checkChannel(`events.${aggregate}`, aggregate, add)
    if (aggregate === name) add(`events.${aggregate}: the aggregate has the service's name, but its events need a channel of their own`)
    const group = groupOf(`events.${aggregate}`, events, add)
    if (group.length === 0) add(`events.${aggregate} declares no event`)
    for (const [key, message] of group) {
      const where = `events.${aggregate}.${key}`
      checkName(where, key, add)
      if (isMessage(message, ['event'])) checkMessageData(where, message, add)
      else add(`${where} is not declared with event(…)`)
    }
  }
}

function checkUse(key: string, use: UseData, add: Add): void {
  const where = `uses.${key}`
  checkName(where, key, add)
  const message = (use as UseData | null | undefined)?.message
  if (!isMessage(message, ['command', 'notification', 'document', 'query']))
    add(
      `${where} is not a message of another service: declare it as asks(Kitchen.commands.createTicket); events are subscribed to with on(…)`,
    )
  else checkUsed(where, use, message, add)
}

function checkUsed(where: string, use: UseData, message: MessageData, add: Add): void {
  if (message.service === '')
    add(`${where}: the message belongs to no service yet; take it from the defined contract, as in Kitchen.commands.createTicket`)
  if (use.awaited === true && use.context !== undefined)
    add(`${where}: a context comes back with a later reply, and none is sent for where awaited is true`)
  if (use.context === undefined) return
  checkSchema(`${where}.context`, use.context, add)
  if (message.kind !== 'command') add(`${where}: a context comes back with a later reply, and a ${message.kind} has none`)
}

/** The own members of a section. A prototype of its own means that `__proto__:` was written in it. */
function groupOf<T>(where: string, group: Readonly<Record<string, T>> | undefined, add: Add): [string, T][] {
  if (group === undefined) return []
  if (typeof group !== 'object' || group === null || Array.isArray(group)) {
    add(`${where} is not an object of declarations by name`)
    return []
  }
  const prototype: unknown = Object.getPrototypeOf(group)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) add(`${where}: "__proto__" is not allowed as a name`)
  return Object.entries(group)
}

function isMessage(message: unknown, kinds: readonly string[]): message is MessageData {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    kinds.includes(message.kind as string) &&
    'schema' in message &&
    'version' in message
  )
}
