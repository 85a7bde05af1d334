import { PabalError } from '../errors.ts'
import type { Kind, Message } from './message.ts'
import { none } from './message.ts'

/*
 * The envelope as CloudEvents 1.0 names it, for technologies with native headers (binary content mode). Each protocol
 * binding has its prefix: `ce_` (Kafka), `cloudEvents:` (AMQP), `ce-` (NATS, HTTP). The content type travels in the
 * protocol's own field, under `datacontenttype` here. User headers travel without prefix.
 */
const kinds = new Set<string>(['command', 'notification', 'document', 'event', 'query', 'reply'])
const own = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'datacontenttype',
  'kind',
  'typeversion',
  'partitionkey',
  'correlationid',
  'causationid',
  'replyto',
])

/** The attributes and extensions of the message under their CloudEvents names. Optional ones only where present. */
export function attributesOf(message: Message): [name: string, value: string][] {
  const found: [string, string][] = [
    ['specversion', '1.0'],
    ['id', message.id],
    ['source', message.source],
    ['type', message.type],
    ['time', new Date(message.time).toISOString()],
    ['datacontenttype', message.contentType],
    ['kind', message.kind],
    ['typeversion', String(message.version)],
  ]
  if (message.key !== undefined) found.push(['partitionkey', message.key])
  if (message.correlationId !== undefined) found.push(['correlationid', message.correlationId])
  if (message.causationId !== undefined) found.push(['causationid', message.causationId])
  if (message.replyTo !== undefined) found.push(['replyto', message.replyTo])
  for (const name in message.extensions) found.push([name, message.extensions[name] as string])
  return found
}

/**
 * The message with these attributes. A foreign CloudEvent without our extensions becomes a document. Throws
 * `INVALID_MESSAGE` where a required attribute is missing.
 */
export function messageOf(
  attributes: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Message {
  const required = (name: string): string => {
    const value = attributes[name]
    if (value === undefined) throw new PabalError('INVALID_MESSAGE', `the message has no CloudEvents attribute "${name}"`)
    return value
  }
  const time = Date.parse(attributes.time ?? '')
  let extensions: Record<string, string> | undefined
  for (const name in attributes) {
    if (own.has(name)) continue
    extensions ??= {}
    extensions[name] = attributes[name] as string
  }
  return {
    id: required('id'),
    source: required('source'),
    type: required('type'),
    kind: (kinds.has(attributes.kind ?? '') ? attributes.kind : 'document') as Kind,
    version: Number(attributes.typeversion ?? 1),
    time: Number.isNaN(time) ? 0 : time,
    contentType: attributes.datacontenttype ?? 'application/octet-stream',
    key: attributes.partitionkey,
    correlationId: attributes.correlationid,
    causationId: attributes.causationid,
    replyTo: attributes.replyto,
    extensions: extensions ?? none,
    headers,
    body,
  }
}
