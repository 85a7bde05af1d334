import { type Message, none } from '../../message/message.ts'
import { Native } from '../shared/native.ts'
import type { AmqpMessage } from './driver.ts'
import type { Properties } from './frames.ts'

/*
 * A message as CloudEvents in AMQP headers. Native properties hold what they exist for, where it fits: content type, message id,
 * correlation id, timestamp (in seconds, so the attribute `time` is there too). The body is the payload's own bytes.
 */

/** What the adapter itself writes beside a message; no header of a user can hold a colon. */
export const own = { park: 'pabal:park', due: 'pabal:due', to: 'pabal:to', nudge: 'pabal:nudge', fence: 'pabal:fence' } as const

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
export function messageOf({ properties, content, fields }: AmqpMessage): Message {
  const { headers, timestamp, messageId } = properties
  return native.read(headers, content, {
    contentType: properties.contentType,
    id: messageId,
    source: `amqp:${String(fields.exchange)}`,
    time: typeof timestamp === 'number' ? timestamp * 1000 : 0,
  })
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

export const headerOf = (message: AmqpMessage, name: string): unknown => message.properties.headers?.[name]

export const bufferOf = (body: Uint8Array): Buffer =>
  Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
