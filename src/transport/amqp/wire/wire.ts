import { type Message, none } from '../../../message/message.ts'
import { Native, type NativeFacts } from '../../shared/native.ts'
import type { AmqpMessage } from '../driver.ts'
import { Delivered } from './delivered.ts'
import type { Properties } from './frames.ts'

/*
 * A message as CloudEvents in AMQP headers. Native properties hold what they exist for, where it fits: content type, message id,
 * correlation id, timestamp (in seconds, so the attribute `time` is there too). The body is the payload's own bytes.
 */

/** What the adapter itself writes beside a message; no header of a user can hold a colon. */
export const own = {
  park: 'pabal:park',
  due: 'pabal:due',
  to: 'pabal:to',
  nudge: 'pabal:nudge',
  fence: 'pabal:fence',
  most: 'pabal:most',
} as const

/** Headers that the broker gives a meaning, or writes itself. */
const brokers = [
  'CC',
  'BCC',
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
  'x-delivery-count',
  'x-acquired-count',
  'x-stream-offset',
  'x-received-from',
  'x-opt-enqueue-time',
]

const native = new Native({
  prefix: 'cloudEvents:',
  alsoRead: ['cloudEvents_'],
  reserved: [...brokers, ...Object.values(own), ...Array.from({ length: 32 }, (_, n) => `pabal:wait${n}`)],
})

/** Properties of AMQP hold at most 255 bytes. */
const fits = (text: string): boolean => text.length < 64 || Buffer.byteLength(text) <= 255

type Headers = (string | number)[]
const put = (headers: Headers, name: string, value: string): void => {
  headers.push(name, value)
}

/** The properties of `publish` for a message; `more` are the adapter's own headers. */
export function propertiesOf(
  message: Message,
  persistent: boolean,
  more?: Readonly<Record<string, string | number>>,
): { -readonly [Name in keyof Properties]: Properties[Name] } {
  const headers: Headers = []
  native.write(message, headers, put)
  if (more !== undefined) for (const name in more) headers.push(name, more[name] as string | number)
  const { id, contentType, correlationId } = message
  const typed = fits(contentType)
  if (!typed) headers.push('cloudEvents:datacontenttype', contentType)
  return {
    persistent,
    mandatory: false,
    expiration: undefined,
    headers,
    contentType: typed ? contentType : undefined,
    messageId: fits(id) ? id : undefined,
    correlationId: correlationId !== undefined && fits(correlationId) ? correlationId : undefined,
    timestamp: Math.max(0, Math.trunc(message.time / 1000)) || undefined,
  }
}

/** The message of a delivery; a foreign one becomes a document that says so. */
export function messageOf(message: AmqpMessage): Message {
  const headers = message instanceof Delivered ? message.pairs : message.properties.headers
  return native.read(headers, message.content, new Facts(message))
}

/** Most of it is looked at for a foreign message only. */
class Facts implements NativeFacts {
  readonly #message: AmqpMessage

  constructor(message: AmqpMessage) {
    this.#message = message
  }

  get contentType(): unknown {
    return this.#message.properties.contentType
  }

  get id(): unknown {
    return this.#message.properties.messageId
  }

  get source(): string {
    return `amqp:${String(this.#message.fields.exchange)}`
  }

  get time(): number {
    const { timestamp } = this.#message.properties
    return typeof timestamp === 'number' ? timestamp * 1000 : 0
  }
}

/** Says nothing: it makes a queue tell whoever is its consumer that it is. */
export const nudge: Message = {
  id: 'nudge',
  source: 'pabal',
  type: 'nudge',
  kind: 'notification',
  version: 1,
  time: 0,
  contentType: 'application/octet-stream',
  extensions: none,
  headers: none,
  body: Buffer.alloc(0),
}

export function headerOf(message: AmqpMessage, name: string): unknown {
  if (!(message instanceof Delivered)) return message.properties.headers?.[name]
  for (const [found, value] of message.pairs) if (found === name) return value
  return undefined
}

/** One of the adapter's own: told at once where there is none. */
export function ownHeaderOf(message: AmqpMessage, name: (typeof own)[keyof typeof own]): unknown {
  return message instanceof Delivered && !message.marked ? undefined : headerOf(message, name)
}

export const bufferOf = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
