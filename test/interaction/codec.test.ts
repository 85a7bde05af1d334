import { expect, test } from 'vitest'
import { z } from 'zod'
import type { MessageData } from '../../src/contract/data.ts'
import { defineService, event, notification, older } from '../../src/contract/index.ts'
import { MessageCodec } from '../../src/interaction/codec.ts'
import { type Message, none } from '../../src/message/message.ts'

const received = (data: MessageData, body: string | Uint8Array, fields: Partial<Message> = {}): Message => ({
  id: 'm-1',
  source: 'test',
  type: data.type,
  kind: data.kind,
  version: data.version,
  time: 0,
  contentType: 'application/json',
  extensions: none,
  headers: none,
  body: Buffer.from(body as string),
  ...fields,
})

const Contract = defineService('kitchen', {
  version: '1.0.0',
  commands: {
    note: notification(z.object({ at: z.string().transform((text) => text.length), more: z.string().default('none') })),
    text: notification(z.string(), { content: 'text' }),
    bytes: notification(z.instanceof(Uint8Array), { content: 'binary' }),
    loose: notification(z.any() as z.ZodType<string>),
  },
  events: {
    Ticket: {
      Accepted: event(z.object({ ticket: z.string(), ready: z.string() }), {
        version: 3,
        accepts: {
          1: older(z.object({ id: z.string() }), (old) => ({ ticket: old.id, ready: 'unknown' })),
          2: older(z.object({ ticket: z.string() }), (old) => ({ ...old, ready: 2 as unknown as string })),
        },
      }),
    },
  },
})
const codecOf = (data: MessageData | undefined) => new MessageCodec(data as MessageData)
const { note, text, bytes, loose } = Contract.commands
const accepted = Contract.events.Ticket.Accepted as MessageData

test('the input of a schema travels; only the receiver transforms and fills in', () => {
  const codec = codecOf(note)
  const body = codec.encode({ at: 'abc' }) as Uint8Array
  expect(Buffer.from(body).toString()).toBe('{"at":"abc"}')
  expect(codec.decode(received(note as MessageData, body))).toEqual({ at: 3, more: 'none' })
})

test('text and bytes travel as they are; the sender may use its buffer again', () => {
  expect(
    codecOf(text).decode(received(text as MessageData, codecOf(text).encode('파발') as Uint8Array, { contentType: 'text/plain' })),
  ).toBe('파발')
  const buffer = Uint8Array.of(1, 2, 3)
  const body = codecOf(bytes).encode(buffer) as Uint8Array
  buffer[0] = 9
  expect([...body]).toEqual([1, 2, 3])
})

test('older versions are read by their schema, upgraded, and then checked by the current one', () => {
  const codec = codecOf(accepted)
  expect(codec.decode(received(accepted, '{"id":"t"}', { version: 1 }))).toEqual({ ticket: 't', ready: 'unknown' })
  expect(() => codec.decode(received(accepted, '{"id":5}', { version: 1 }))).toThrow(/^Ticket\.Accepted version 1: payload\.id: /)
  expect(() => codec.decode(received(accepted, '{"ticket":"t"}', { version: 2 }))).toThrow(/^Ticket\.Accepted: payload\.ready: /)
  expect([1, 2, 3, 4].map((version) => codec.knows(version))).toEqual([true, true, true, false])
})

test('what cannot be written is refused at the sender with its label', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  for (const value of [cyclic, 5n, undefined])
    expect(() => codecOf(loose).encode(value)).toThrow(
      expect.objectContaining({ code: 'INVALID_PAYLOAD', message: expect.stringMatching(/^kitchen\.loose: the payload /) }),
    )
})

test('what cannot be read is refused at the receiver: bytes, media type, a __proto__ key', () => {
  const codec = codecOf(note)
  const fault = (body: string, fields: Partial<Message> = {}) => {
    try {
      return codec.decode(received(note as MessageData, body, fields))
    } catch (error) {
      return error
    }
  }
  expect(fault('{"at":')).toMatchObject({ code: 'INVALID_MESSAGE', id: 'm-1' })
  expect(fault('{"at":"a","__proto__":{"x":1}}')).toMatchObject({ code: 'INVALID_MESSAGE' })
  expect(fault('{"at":"a"}', { contentType: 'application/xml' })).toMatchObject({
    code: 'INVALID_MESSAGE',
    message: expect.stringContaining('application/xml'),
  })
  expect(fault('{"at":"a"}', { contentType: 'application/json; charset=utf-8' })).toEqual({ at: 1, more: 'none' })
  expect(fault('{"at":"a"}', { contentType: 'application/vnd.shop+json' })).toEqual({ at: 1, more: 'none' })
})
