import type { Content, MessageData, OlderData } from '../contract/data.ts'
import type { StandardSchemaV1 } from '../contract/schema.ts'
import { PabalError } from '../errors.ts'
import { contentTypes, decodeBody, encodeBody } from '../message/content.ts'
import type { Message } from '../message/message.ts'
import { type Check, checkOf, isPromise, textOf } from './validate.ts'

/**
 * Payload to body and back, for one message or reply type; made once per type. The sender validates and sends what it was
 * given (the schema's input travels); only the receiver keeps the schema's output.
 */
export class Codec {
  readonly label: string
  readonly content: Content
  readonly contentType: string
  readonly #outgoing: Check
  protected readonly incoming: Check

  constructor(schema: StandardSchemaV1, content: Content, label: string) {
    this.label = label
    this.content = content
    this.contentType = contentTypes[content]
    this.#outgoing = checkOf(schema, label, 'payload', 'INVALID_PAYLOAD')
    this.incoming = checkOf(schema, label, 'payload', 'INVALID_MESSAGE')
  }

  /** The body, or a promise of it where the schema is asynchronous. Throws `INVALID_PAYLOAD`. */
  encode(payload: unknown): Uint8Array | Promise<Uint8Array> {
    const checked = this.#outgoing(payload)
    return checked instanceof Promise ? checked.then(() => this.#bytes(payload)) : this.#bytes(payload)
  }

  /** The schema's output, or a promise of it. Throws `INVALID_MESSAGE`. */
  decode(message: Message): unknown {
    return this.incoming(this.value(message))
  }

  protected value(message: Message): unknown {
    if (message.contentType !== this.contentType && !compatible(this.content, message.contentType))
      throw new PabalError(
        'INVALID_MESSAGE',
        `${this.label}: the content type is ${JSON.stringify(message.contentType)}, the contract says ${this.contentType}`,
        { id: message.id },
      )
    try {
      return decodeBody(this.content, message.body)
    } catch (error) {
      throw new PabalError('INVALID_MESSAGE', `${this.label}: ${textOf(error)}`, { id: message.id, cause: error })
    }
  }

  #bytes(payload: unknown): Uint8Array {
    try {
      const bytes = encodeBody(this.content, payload)
      // A caller may use its buffer again while the message is on its way.
      return this.content === 'binary' ? Buffer.from(bytes) : bytes
    } catch (error) {
      throw new PabalError('INVALID_PAYLOAD', `${this.label}: ${textOf(error)}`, { cause: error })
    }
  }
}

/** A codec that also reads the older versions which a contract accepts, and upgrades them to the current one's input. */
export class MessageCodec extends Codec {
  readonly version: number
  readonly #older = new Map<number, { readonly check: Check; readonly upgrade: OlderData['upgrade'] }>()

  constructor(data: MessageData) {
    super(data.schema, data.content, labelOf(data))
    this.version = data.version
    for (const [version, older] of Object.entries(data.accepts)) {
      const label = `${this.label} version ${version}`
      this.#older.set(Number(version), { check: checkOf(older.schema, label, 'payload', 'INVALID_MESSAGE'), upgrade: older.upgrade })
    }
  }

  /** False for a version that is newer than this contract: a rolling deployment, not a fault. */
  knows(version: number): boolean {
    return version <= this.version || this.#older.has(version)
  }

  override decode(message: Message): unknown {
    if (message.version === this.version) return this.incoming(this.value(message))
    const older = this.#older.get(message.version)
    if (older === undefined)
      throw new PabalError(
        'INVALID_MESSAGE',
        `${this.label}: version ${message.version} is not accepted, the contract reads ${[...this.#older.keys(), this.version].join(', ')}`,
        { id: message.id },
      )
    const old = older.check(this.value(message))
    return isPromise(old) ? old.then((value) => this.#upgrade(older.upgrade, value, message)) : this.#upgrade(older.upgrade, old, message)
  }

  #upgrade(upgrade: OlderData['upgrade'], old: unknown, message: Message): unknown {
    let current: unknown
    try {
      current = upgrade(old)
    } catch (cause) {
      throw new PabalError('INVALID_MESSAGE', `${this.label}: the upgrade from version ${message.version} threw: ${textOf(cause)}`, {
        id: message.id,
        cause,
      })
    }
    return isPromise(current) ? current.then(this.incoming) : this.incoming(current)
  }
}

/** How a message is called in errors: `kitchen.createTicket`; events go by their own name, `Ticket.TicketAccepted`. */
export function labelOf(data: MessageData): string {
  return data.kind === 'event' ? data.type : `${data.service}.${data.type}`
}

/** Other systems write media types their own way; what counts is whether the bytes can be read. */
function compatible(content: Content, contentType: string): boolean {
  if (content === 'binary') return true
  const type = contentType.toLowerCase()
  if (content === 'text') return type.startsWith('text/')
  return type.startsWith('application/json') || /^[\w.-]+\/[\w.+-]*\+json\b/.test(type) || type.startsWith('text/json')
}
