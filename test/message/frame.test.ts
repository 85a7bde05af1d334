import { describe, expect, it } from 'vitest'
import { decodeBody, encodeBody } from '../../src/message/content.ts'
import { deriveId } from '../../src/message/derive.ts'
import { FrameWriter, frameEnd, readFrame } from '../../src/message/frame.ts'
import { checkMessage, maxHeaderBytes } from '../../src/message/limits.ts'
import type { Message } from '../../src/message/message.ts'
import { none } from '../../src/message/message.ts'
import { systemRuntime } from '../../src/runtime/system.ts'

const full: Message = {
  id: '0199-ü',
  source: 'order',
  type: 'Ticket.TicketAccepted',
  kind: 'event',
  version: 2,
  time: 1_790_000_000_000,
  contentType: 'application/json',
  key: 'ключ 1',
  correlationId: 'c',
  causationId: 'k',
  replyTo: 'reply.order',
  extensions: { traceparent: '00-ab-cd-01', within: '800' },
  headers: { 'X-Case': 'Größe 🚀', b: '', a: '1\t2' },
  body: Buffer.from('{"a":"é"}'),
}
const bare: Message = {
  ...full,
  key: undefined,
  correlationId: undefined,
  causationId: undefined,
  replyTo: undefined,
  extensions: none,
  headers: none,
  body: Buffer.alloc(0),
}

describe('frame', () => {
  it('gives back each message, one behind the other, headers in order and case', () => {
    const writer = new FrameWriter(16)
    writer.write(full)
    writer.write(bare)
    const bytes = writer.take()
    expect(readFrame(bytes, 0)).toEqual(full)
    expect(Object.keys(readFrame(bytes, 0).headers)).toEqual(['X-Case', 'b', 'a'])
    const second = frameEnd(bytes, 0)
    expect(readFrame(bytes, second)).toEqual(bare)
    expect(frameEnd(bytes, second)).toBe(bytes.length)
    expect(writer.length).toBe(0)
  })

  it('keeps what was taken when more is written', () => {
    const writer = new FrameWriter()
    writer.write(full)
    const taken = writer.take()
    writer.write({ ...full, id: 'other' })
    expect(readFrame(taken, 0).id).toBe(full.id)
  })
})

describe('wire limits', () => {
  const code = (change: Partial<Message>): string | undefined => checkMessage({ ...full, ...change }, 1024 * 1024)?.code
  it('let an ordinary message pass', () => expect(code({})).toBeUndefined())
  it.each([
    ['a line feed in a value', { headers: { a: 'x\ny' } }],
    ['a carriage return in a name', { headers: { 'a\r': 'x' } }],
    ['NUL', { headers: { a: '\0' } }],
    ['half a surrogate pair', { headers: { a: '\ud83d' } }],
    ['__proto__', { headers: JSON.parse('{"__proto__":"x"}') as Record<string, string> }],
    ['a number as a value', { headers: { a: 1 as unknown as string } }],
    ['a key with a line feed', { key: 'a\nb' }],
    ['an id with a line feed', { id: 'a\nb' }],
  ])('refuse %s', (_, change) => expect(code(change)).toBe('INVALID_HEADER'))
  it('refuse large headers and bodies', () => {
    expect(code({ headers: { a: 'x'.repeat(maxHeaderBytes) } })).toBe('MESSAGE_TOO_LARGE')
    expect(code({ body: Buffer.alloc(1024 * 1024) })).toBe('MESSAGE_TOO_LARGE')
  })
})

describe('content', () => {
  it('carries JSON, text and bytes', () => {
    expect(decodeBody('json', encodeBody('json', { a: ['é', 1] }))).toEqual({ a: ['é', 1] })
    expect(decodeBody('text', encodeBody('text', 'é\ufffd'))).toBe('é\ufffd')
    expect(decodeBody('binary', encodeBody('binary', new Uint8Array([0, 255])))).toEqual(new Uint8Array([0, 255]))
  })
  it.each(['{"__proto__":{"a":1}}', '{"__\\u0070roto__":1}', '{"__pr\\u006Fto__":1}', '{"\\u005f_proto__":1}', '{"a":[{"__proto__":1}]}'])(
    'refuses %s',
    (text) => {
      expect(() => decodeBody('json', Buffer.from(text))).toThrow(expect.objectContaining({ code: 'INVALID_MESSAGE' }))
    },
  )
  it('lets the text "__proto__" pass as a value', () => {
    expect(decodeBody('json', Buffer.from('{"a":"__proto__"}'))).toEqual({ a: '__proto__' })
  })
  it('refuses bytes that are not UTF-8, and what is not JSON', () => {
    expect(() => decodeBody('text', Buffer.from([0xff, 0x41]))).toThrow(/UTF-8/)
    expect(() => decodeBody('json', Buffer.from('{'))).toThrow(/JSON/)
  })
  it('refuses what the content cannot carry', () => {
    for (const [content, value] of [
      ['json', undefined],
      ['json', 1n],
      ['text', 1],
      ['binary', 'x'],
    ] as const)
      expect(() => encodeBody(content, value)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD' }))
  })
})

describe('ids', () => {
  it('are UUIDv7 that increase', () => {
    const ids = Array.from({ length: 10_000 }, () => systemRuntime.id())
    expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
  })
  it('are derived from their cause', () => {
    expect(deriveId('a', 'b', '0')).toBe(deriveId('a', 'b', '0'))
    expect(deriveId('a', 'b', '0')).not.toBe(deriveId('a', 'b', '1'))
    expect(deriveId('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/)
  })
})
