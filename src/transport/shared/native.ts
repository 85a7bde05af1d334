import { foreignMark, foreignType } from '../../message/foreign.ts'
import { isoOf, timeOf } from '../../message/iso.ts'
import { type Kind, type Message, none } from '../../message/message.ts'
import { contentIdOf } from './native-id.ts'
import { Span } from './native-span.ts'
import { nameOf, safeNameOf, textOf } from './native-text.ts'
import { isStructured, structuredAttributes } from './structured.ts'

/** How a technology names things in its headers. */
export interface Naming {
  /** Before the name of each CloudEvents attribute: `ce_` (Kafka), `cloudEvents:` (AMQP), `ce-` (NATS). */
  readonly prefix: string
  /** Other prefixes that are read as well: AMQP knows `cloudEvents_` too. */
  readonly alsoRead?: readonly string[] | undefined
  /** The header that holds the content type, where the technology has no property for it. Case does not matter when it is read. */
  readonly contentType?: string | undefined
  /** Headers of the technology or the adapter, which are not the user's: not read as headers of the message. */
  readonly reserved?: readonly string[] | undefined
}

/** What the technology says about a message beside its headers. Most is only looked at for a foreign message: a getter will do. */
export interface NativeFacts {
  /** The native content type, where there is a property for it. */
  readonly contentType?: unknown
  /** The native key: the key of a message that names none itself and does not come from Pabal. */
  readonly key?: unknown
  /**
   * The id of a foreign message: the client's own native id, or one that follows from the native position, so that it is the
   * same at every delivery. Absent: it follows from the content, so that two messages of equal content have one id.
   */
  readonly id?: unknown
  /** The source of a foreign message: names the technology and the place, such as `kafka:orders`. */
  readonly source: string
  /** When it was stored, milliseconds since 1970: the time of a message that names none. */
  readonly time: number
}

/** A list of entries whose bytes lie in one piece of memory is read fastest. */
export type NativeHeaders = Iterable<readonly [name: unknown, value: unknown]> | Readonly<Record<string, unknown>> | null | undefined
export type Put<Target> = (target: Target, name: string, value: string) => void

/** What stands before the name of a user's header that would be taken for one of the protocol. No header of a user holds a colon. */
const setApart = 'header:'
/** Where each attribute of the envelope is kept while a message is read. */
const slots = {
  specversion: 0,
  id: 1,
  source: 2,
  type: 3,
  time: 4,
  kind: 5,
  typeversion: 6,
  partitionkey: 7,
  correlationid: 8,
  causationid: 9,
  replyto: 10,
  datacontenttype: 11,
} as const
type Slot = keyof typeof slots
const slotOf = new Map<string, number>(Object.entries(slots))
/** Of a name that is no attribute of the envelope. */
const noSlot = -1
const kinds = new Set<string>(['command', 'notification', 'document', 'event', 'query', 'reply'] satisfies Kind[])
/** Names of extensions that are kept, so that other clients cannot fill the memory. */
const keptNames = 256

/** What was found in the headers of one message. */
class Found {
  /** By slot. */
  readonly values: (string | undefined)[] = new Array(slotOf.size)
  extensions: Record<string, string> | undefined = undefined
  headers: Record<string, string> | undefined = undefined
}

function note(found: Found, attribute: string, value: string): void {
  const slot = slotOf.get(attribute)
  if (slot !== undefined) {
    found.values[slot] = value
    return
  }
  found.extensions ??= {}
  found.extensions[attribute] = value
}

/**
 * Messages as CloudEvents 1.0 in binary mode over the native headers of a technology. Attributes and extensions have the
 * prefix, user headers travel under their own names. One that would be taken for something else (it begins with the prefix, is the
 * content type's or a reserved one) travels as `header:<name>` and comes back under its own. A key, an id or the like that is empty does not travel.
 */
export class Native {
  readonly #naming: Naming
  readonly #prefixes: readonly string[]
  readonly #contentType: string | undefined
  readonly #reserved: ReadonlySet<string>
  readonly #names: Readonly<Record<Slot, string>>
  /** Full name → attribute, and back for extensions. */
  readonly #attributes = new Map<string, string>()
  readonly #extensions = new Map<string, string>()
  /** The names of the last message in their order, and the slot of each: most are the same in the next. */
  readonly #order: string[] = []
  readonly #slots: number[] = []

  constructor(naming: Naming) {
    this.#naming = naming
    this.#prefixes = [naming.prefix, ...(naming.alsoRead ?? [])]
    this.#contentType = naming.contentType?.toLowerCase()
    this.#reserved = new Set(naming.reserved)
    this.#names = Object.fromEntries([...slotOf.keys()].map((name) => [name, naming.prefix + name])) as Record<Slot, string>
  }

  /**
   * Writes the headers of a message, one call of `put` each, attributes first. The body and, where `contentType` is not named,
   * the content type are the caller's.
   */
  write<Target>(message: Message, target: Target, put: Put<Target>): void {
    const names = this.#names
    put(target, names.specversion, '1.0')
    put(target, names.id, message.id)
    put(target, names.source, message.source)
    put(target, names.type, message.type)
    const time = isoOf(message.time)
    if (time !== undefined) put(target, names.time, time)
    put(target, names.kind, message.kind)
    put(target, names.typeversion, message.version === 1 ? '1' : String(message.version))
    const { key, correlationId, causationId, replyTo, extensions, headers } = message
    if (key) put(target, names.partitionkey, key)
    if (correlationId) put(target, names.correlationid, correlationId)
    if (causationId) put(target, names.causationid, causationId)
    if (replyTo) put(target, names.replyto, replyTo)
    if (this.#naming.contentType !== undefined) put(target, this.#naming.contentType, message.contentType)
    if (extensions !== none) for (const name in extensions) put(target, this.#extension(name), extensions[name] as string)
    if (headers !== none) for (const name in headers) put(target, this.#isTaken(name) ? setApart + name : name, headers[name] as string)
  }

  /** The message with these headers and this body. Never throws: what is no CloudEvent becomes a foreign message (see `foreignReason`). */
  read(headers: NativeHeaders, body: Uint8Array, native: NativeFacts): Message {
    const found = new Found()
    if (headers !== null && headers !== undefined) {
      if (Array.isArray(headers)) this.#takeAll(found, headers)
      else if (isIterable(headers)) for (const [name, value] of headers) this.#take(found, nameOf(name), textOf(value))
      else for (const name in headers) this.#take(found, name, textOf(headers[name]))
    }
    if (native.contentType !== undefined && native.contentType !== null) found.values[slots.datacontenttype] = textOf(native.contentType)
    const lacks = faultOf(found)
    if (lacks === undefined) return messageOf(found, body, native)
    const datacontenttype = found.values[slots.datacontenttype]
    if (datacontenttype === undefined || !isStructured(datacontenttype)) return this.#foreign(headers, datacontenttype, body, native, lacks)
    return this.#structured(found, datacontenttype, headers, body, native)
  }

  #takeAll(found: Found, headers: readonly (readonly [name: unknown, value: unknown])[]): void {
    const span = Span.of(headers[0]?.[0], headers.at(-1)?.[1])
    for (let i = 0; i < headers.length; i++) {
      const pair = headers[i] as readonly [unknown, unknown]
      const guess = this.#order[i]
      const name = span === undefined ? nameOf(pair[0]) : span.read(pair[0], guess)
      const value = span === undefined ? textOf(pair[1]) : span.read(pair[1])
      const slot = name === guess ? (this.#slots[i] as number) : this.#place(i, name)
      if (slot === noSlot) this.#take(found, name, value)
      else found.values[slot] = value
    }
  }

  /** The slot of a name that stands at this place for the first time. */
  #place(i: number, name: string): number {
    const slot = slotOf.get(this.#attributeIn(name) ?? '') ?? noSlot
    if (i < keptNames) {
      this.#order[i] = name
      this.#slots[i] = slot
    }
    return slot
  }

  #take(found: Found, name: string, value: string): void {
    const attribute = this.#attributeIn(name)
    if (attribute !== undefined) note(found, attribute, value)
    else if (this.#isContentType(name)) found.values[slots.datacontenttype] = value
    else if (!this.#reserved.has(name)) {
      found.headers ??= {}
      found.headers[this.#headerIn(name)] = value
    }
  }

  /** The attribute that a header is, looked up as long as the names are few. */
  #attributeIn(name: string): string | undefined {
    const known = this.#attributes.get(name)
    if (known !== undefined) return known
    for (const prefix of this.#prefixes) {
      if (!name.startsWith(prefix) || name.length === prefix.length) continue
      const attribute = safeNameOf(name.slice(prefix.length))
      if (this.#attributes.size < keptNames) this.#attributes.set(name, attribute)
      return attribute
    }
    return undefined
  }

  #extension(name: string): string {
    let full = this.#extensions.get(name)
    if (full === undefined) {
      full = this.#naming.prefix + name
      if (this.#extensions.size < keptNames) this.#extensions.set(name, full)
    }
    return full
  }

  /** The user's name of a header. */
  #headerIn(name: string): string {
    if (name.startsWith(setApart)) {
      const inner = name.slice(setApart.length)
      if (this.#isTaken(inner)) return safeNameOf(inner)
    }
    return safeNameOf(name)
  }

  /** Whether a user's header of this name would be taken for something else. */
  #isTaken(name: string): boolean {
    for (const prefix of this.#prefixes) if (name.startsWith(prefix)) return true
    return this.#isContentType(name) || this.#reserved.has(name)
  }

  #isContentType(name: string): boolean {
    const own = this.#contentType
    return own !== undefined && name.length === own.length && (name === own || name.toLowerCase() === own)
  }

  #structured(found: Found, type: string, headers: NativeHeaders, body: Uint8Array, native: NativeFacts): Message {
    const read = structuredAttributes(type, body)
    if (typeof read === 'string') return this.#foreign(headers, type, body, native, read)
    const inner = new Found()
    for (const [name, value] of read.attributes) note(inner, safeNameOf(name), textOf(value))
    inner.headers = found.headers
    const lacks = faultOf(inner)
    if (lacks !== undefined) return this.#foreign(headers, type, body, native, lacks)
    return messageOf(inner, read.data, native)
  }

  /** Its headers are kept under the names that they have, whatever they would mean. */
  #foreign(given: NativeHeaders, contentType: string | undefined, body: Uint8Array, native: NativeFacts, lacks: string): Message {
    let headers: Record<string, string> | undefined
    for (const [name, value] of entriesOf(given)) {
      const text = nameOf(name)
      if (this.#isContentType(text) || this.#reserved.has(text)) continue
      headers ??= {}
      headers[safeNameOf(text)] = textOf(value)
    }
    return {
      id: textOf(native.id) || contentIdOf(native.source, headers ?? none, body),
      source: native.source,
      type: foreignType,
      kind: 'document',
      version: 1,
      time: native.time,
      contentType: contentType || 'application/octet-stream',
      key: textOf(native.key) || undefined,
      correlationId: undefined,
      causationId: undefined,
      replyTo: undefined,
      extensions: { [foreignMark]: lacks },
      headers: headers ?? none,
      body,
    }
  }
}

/** Why what was found is no message, as a clause; undefined where it is one. */
function faultOf({ values }: Found): string | undefined {
  const id = values[slots.id]
  const source = values[slots.source]
  const type = values[slots.type]
  const typeversion = values[slots.typeversion]
  if (id && source && type) {
    if (typeversion === undefined || typeversion === '1') return undefined
    const version = Number(typeversion)
    return Number.isSafeInteger(version) && version >= 1 ? undefined : `its attribute "typeversion" is no whole number from 1`
  }
  if (!id && !source && !type) return 'it has no CloudEvents attributes'
  const missing = [!id && 'id', !source && 'source', !type && 'type'].filter((name) => name !== false)
  return `it has no CloudEvents attribute ${missing.map((name) => `"${name}"`).join(', ')}`
}

function messageOf({ values, extensions, headers }: Found, body: Uint8Array, native: NativeFacts): Message {
  const kind = values[slots.kind]
  const time = values[slots.time]
  const version = values[slots.typeversion]
  const sent = time === undefined ? Number.NaN : timeOf(time)
  // Where no kind is named another client sent it: it may have left the key to the technology.
  const ours = kind !== undefined && kinds.has(kind)
  return {
    id: values[slots.id] as string,
    source: values[slots.source] as string,
    type: values[slots.type] as string,
    kind: ours ? (kind as Kind) : 'document',
    version: version === undefined || version === '1' ? 1 : Number(version),
    time: Number.isNaN(sent) ? native.time : sent,
    contentType: values[slots.datacontenttype] || 'application/octet-stream',
    key: values[slots.partitionkey] || (ours ? undefined : textOf(native.key) || undefined),
    correlationId: values[slots.correlationid] || undefined,
    causationId: values[slots.causationid] || undefined,
    replyTo: values[slots.replyto] || undefined,
    extensions: extensions ?? none,
    headers: headers ?? none,
    body,
  }
}

function entriesOf(headers: NativeHeaders): Iterable<readonly [unknown, unknown]> {
  if (headers === null || headers === undefined) return []
  return isIterable(headers) ? headers : Object.entries(headers)
}

function isIterable(headers: object): headers is Iterable<readonly [unknown, unknown]> {
  return Symbol.iterator in headers
}
