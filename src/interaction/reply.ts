import type { Channel } from '../channel/channel.ts'
import { replyTarget } from '../channel/names.ts'
import { type ErrorCode, PabalError } from '../errors.ts'
import { deriveId } from '../message/derive.ts'
import { type Message, none } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import { copyOfHeaders } from './headers.ts'
import { withinOf } from './origin.ts'
import type { ReplyPort } from './port.ts'

/** A reply as a handler returns it: plain data, so that any copy of the library may have made it. */
export interface ReplyValue {
  readonly type: string
  readonly payload: unknown
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** What a responder sends where it could not answer: its type is this, its code is in the extension `errorcode`. */
export const errorReplyType = 'pabal.error'

/** The extensions that a reply gives back as they came: the caller's context and what joins and traces the chain. */
const echoed = ['replycontext', 'replyuse', 'conversationid', 'traceparent', 'tracestate'] as const

/** The channels of reply addresses, since the same few askers come again and again; bounded. */
const targets = new Map<string, Channel | undefined>()

/** The channel behind a reply address; undefined where the address lies outside the reply namespace. */
export function targetOf(address: string): Channel | undefined {
  let channel = targets.get(address)
  if (channel === undefined && !targets.has(address)) {
    channel = replyTarget(address)
    if (targets.size >= 1000) targets.clear()
    targets.set(address, channel)
  }
  return channel
}

/** How long a reply may lie beyond what its asker waits at all: a late one comes and is counted instead of vanishing on the way. */
const grace = 10_000

/** The reply to `request` as `source` sends it, or a promise where its schema is asynchronous. Throws `INVALID_PAYLOAD`. */
export function makeReply(request: Message, source: string, port: ReplyPort, value: ReplyValue, now: number): Outgoing | Promise<Outgoing> {
  const body = port.encode(value.payload)
  if (body instanceof Promise)
    return body.then((bytes) => replyOf(request, source, port.name, port.contentType, bytes, value.headers, undefined, now))
  return replyOf(request, source, port.name, port.contentType, body, value.headers, undefined, now)
}

/** Tells the caller that there will be no answer: a code and nothing else, since stacks and messages may hold secrets. */
export function makeErrorReply(request: Message, source: string, code: ErrorCode, now: number): Outgoing {
  return replyOf(request, source, errorReplyType, 'text/plain; charset=utf-8', Buffer.from(request.id), undefined, code, now)
}

/** Throws `INVALID_REPLY_ADDRESS` where the message asks for a reply outside the reply namespace. */
export function checkReplyAddress(request: Message, label: string): void {
  if (request.replyTo !== undefined && targetOf(request.replyTo) === undefined)
    throw new PabalError(
      'INVALID_REPLY_ADDRESS',
      `${label}: the message asks for its reply at ${JSON.stringify(request.replyTo).slice(0, 120)}, which is outside the reply namespace`,
      { id: request.id },
    )
}

function replyOf(
  request: Message,
  source: string,
  type: string,
  contentType: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> | undefined,
  code: ErrorCode | undefined,
  now: number,
): Outgoing {
  const channel = targetOf(request.replyTo as string)
  if (channel === undefined)
    throw new PabalError('INVALID_REPLY_ADDRESS', `${request.type}: ${JSON.stringify(request.replyTo)} is outside the reply namespace`, {
      id: request.id,
    })
  const durable = channel.kind !== 'inbox'
  const message: Message = {
    // The same again when the handler runs twice. Only durable replies are told apart by their ids alone, so only they pay for a hash.
    id: durable ? deriveId(request.id, source, channel.address, type, 'reply') : `${request.id}:${source}`,
    source,
    type,
    kind: 'reply',
    version: 1,
    time: now,
    contentType,
    key: durable ? request.key : undefined,
    correlationId: request.correlationId ?? request.id,
    causationId: request.id,
    replyTo: undefined,
    extensions: echo(request.extensions, code),
    headers: copyOfHeaders(headers, request.type),
    body,
  }
  return { channel, message, durable, notBefore: undefined, ttl: durable ? undefined : (withinOf(request) ?? 0) + grace, given: true }
}

function echo(from: Readonly<Record<string, string>>, code: ErrorCode | undefined): Readonly<Record<string, string>> {
  if (from === none) return code === undefined ? none : { errorcode: code }
  let kept: Record<string, string> | undefined
  // By name, since most requests have none of them, and five lookups of a computed name cost more than the copy of the message.
  const { replycontext, replyuse, conversationid, traceparent, tracestate } = from
  if ((replycontext ?? replyuse ?? conversationid ?? traceparent ?? tracestate) !== undefined)
    for (const name of echoed) {
      const value = from[name]
      if (value === undefined) continue
      kept ??= {}
      kept[name] = value
    }
  if (code !== undefined) return kept === undefined ? { errorcode: code } : Object.assign(kept, { errorcode: code })
  return kept ?? none
}
