import type { Channel } from '../channel/channel.ts'
import { eventChannel, gatherChannel, serviceChannel } from '../channel/names.ts'
import type { MessageData, ReplyData } from '../contract/data.ts'
import { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import { none } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import { Codec, labelOf, MessageCodec } from './codec.ts'
import { copyOfHeaders } from './headers.ts'
import type { Origin } from './origin.ts'

/** What a single send may say. Durations are already in milliseconds. */
export interface SendFields {
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Events: given by the publisher. Elsewhere it replaces the payload's field that the contract names. */
  readonly key?: string | undefined
  readonly notBefore?: number | undefined
  /** Milliseconds until the sender stops waiting; also how long a transient message may live. */
  readonly within?: number | undefined
  readonly replyTo?: string | undefined
  /** Extensions of the interaction style. */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

/** One message type as a sender sees it: channel, lane, codec and replies, resolved once. */
export class Port {
  readonly data: MessageData
  readonly label: string
  readonly channel: Channel
  readonly durable: boolean
  readonly codec: MessageCodec
  /** By reply name; empty where no reply is declared. */
  readonly replies: ReadonlyMap<string, ReplyPort>

  constructor(data: MessageData) {
    this.data = data
    this.label = labelOf(data)
    this.channel = channelOf(data)
    this.durable = data.kind !== 'query'
    this.codec = new MessageCodec(data)
    this.replies = replyPorts(data)
  }

  /** Validates and encodes; a promise only where the schema is asynchronous. Throws `INVALID_PAYLOAD` or `INVALID_KEY`. */
  make(origin: Origin, now: number, payload: unknown, fields: SendFields, expectsReply: boolean): Outgoing | Promise<Outgoing> {
    const body = this.codec.encode(payload)
    const key = this.#key(payload, fields)
    const id = fields.id ?? origin.nextId(this.channel, this.data.type, now)
    if (id === '') throw new PabalError('INVALID_OPTION', `${this.label}: the option id is empty`)
    if (body instanceof Promise) return body.then((bytes) => this.#outgoing(origin, now, bytes, key, id, fields, expectsReply))
    return this.#outgoing(origin, now, body, key, id, fields, expectsReply)
  }

  #outgoing(
    origin: Origin,
    now: number,
    body: Uint8Array,
    key: string | undefined,
    id: string,
    fields: SendFields,
    expectsReply: boolean,
  ): Outgoing {
    const message: Message = {
      id,
      source: origin.source,
      type: this.data.type,
      kind: this.data.kind,
      version: this.data.version,
      time: now,
      contentType: this.codec.contentType,
      key,
      correlationId: expectsReply ? id : origin.conversation,
      causationId: origin.cause,
      replyTo: fields.replyTo,
      extensions: extensionsOf(origin, fields, expectsReply),
      headers: copyOfHeaders(fields.headers, this.label),
      body,
    }
    return {
      channel: this.channel,
      message,
      durable: this.durable,
      notBefore: fields.notBefore,
      ttl: this.durable ? undefined : fields.within,
      given: true,
    }
  }

  #key(payload: unknown, fields: SendFields): string | undefined {
    const field = this.data.key
    if (this.data.kind === 'event') return keyText(fields.key, `${this.label}: the key given to publish`)
    if (fields.key !== undefined) return keyText(fields.key, `${this.label}: the key in the options`)
    if (field === undefined) return undefined
    const value = typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>)[field] : undefined
    return keyText(value, `${this.label}: payload.${field}, the key,`)
  }
}

/** One reply type: its codec and whether it is a failure in the business sense. */
export class ReplyPort extends Codec {
  readonly name: string
  readonly failure: boolean

  constructor(name: string, data: ReplyData, label: string) {
    super(data.schema, data.content, label)
    this.name = name
    this.failure = data.failure
  }
}

function keyText(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value
  const given = value === undefined ? 'missing' : value === '' ? 'empty' : `${typeof value}, not a string`
  throw new PabalError('INVALID_KEY', `${what} is ${given}`)
}

function extensionsOf(origin: Origin, fields: SendFields, expectsReply: boolean): Readonly<Record<string, string>> {
  const { within, extensions } = fields
  const { inherited, conversation } = origin
  if (extensions === undefined && inherited === undefined && (conversation === undefined || !expectsReply))
    return within === undefined ? none : onlyWithin(Math.ceil(within))
  const all: Record<string, string> = inherited === undefined ? {} : { ...inherited }
  // Whole milliseconds left, never an hour of the clock: clocks differ.
  if (within !== undefined) all.within = String(Math.ceil(within))
  if (expectsReply && conversation !== undefined) all.conversationid = conversation
  return extensions === undefined ? all : Object.assign(all, extensions)
}

let lastWithin = Number.NaN
let lastRecord = none

/** Nearly all that is asked has the same deadline: one record for all of it, frozen, so that no transport has to copy it. */
function onlyWithin(within: number): Readonly<Record<string, string>> {
  if (within !== lastWithin) {
    lastWithin = within
    lastRecord = Object.freeze({ within: String(within) })
  }
  return lastRecord
}

function channelOf(data: MessageData): Channel {
  if (data.kind === 'event') return eventChannel(data.aggregate ?? data.service)
  return data.to === 'many' ? gatherChannel(data.service, data.type) : serviceChannel(data.service)
}

export function replyPorts(data: MessageData): ReadonlyMap<string, ReplyPort> {
  const ports = new Map<string, ReplyPort>()
  for (const [name, reply] of Object.entries(data.replies ?? {})) ports.set(name, new ReplyPort(name, reply, `${labelOf(data)} → ${name}`))
  return ports
}
