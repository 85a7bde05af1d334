import { describe, expect, it } from 'vitest'
import { foreignReason, foreignType } from '../../../src/message/foreign.ts'
import { FrameWriter, readFrame } from '../../../src/message/frame.ts'
import { checkMessage } from '../../../src/message/limits.ts'
import { type Message, none } from '../../../src/message/message.ts'
import { Native, type NativeFacts } from '../../../src/transport/shared/native.ts'

const kafka = new Native({ prefix: 'ce_', contentType: 'content-type', reserved: ['pabal-due'] })
const amqp = new Native({ prefix: 'cloudEvents:', alsoRead: ['cloudEvents_'] })
const facts: NativeFacts = { source: 'kafka:orders', id: 'kafka:orders/0@7', time: 1_700_000_000_000 }
const body = Buffer.from([0, 255, 10])

const full: Message = {
  id: '0199-ü',
  source: 'order',
  type: 'Ticket.TicketAccepted',
  kind: 'event',
  version: 2,
  time: 1_790_000_000_123,
  contentType: 'application/json',
  key: 'ключ 1',
  correlationId: 'c',
  causationId: 'k',
  replyTo: 'reply.order',
  extensions: { traceparent: '00-ab-cd-01', within: '800' },
  headers: { 'X-Case': 'Größe 🚀', b: '', 'x-case': '1\t2' },
  body,
}
const bare: Message = {
  ...full,
  version: 1,
  key: undefined,
  correlationId: undefined,
  causationId: undefined,
  replyTo: undefined,
  extensions: none,
  headers: none,
}

const headersOf = (native: Native, message: Message): [string, string][] => {
  const entries: [string, string][] = []
  native.write(message, entries, (to, name, value) => to.push([name, value]))
  return entries
}
const asBytes = (entries: readonly (readonly [string, string])[]): Map<Buffer, Buffer> =>
  new Map(entries.map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))

/** As a record of Kafka holds them: slices of one piece of memory, each behind the one before. */
function asSlices(entries: readonly (readonly [string, string])[]): [Buffer, Buffer][] {
  const memory = Buffer.alloc(4096)
  let at = 100
  const slice = (text: string): Buffer => {
    const start = at
    at += memory.write(text, at)
    return memory.subarray(start, at++)
  }
  return entries.map(([name, value]) => [slice(name), slice(value)])
}

describe('native headers', () => {
  it('are named as the Kafka binding says', () => {
    expect(Object.fromEntries(headersOf(kafka, full))).toEqual({
      ce_specversion: '1.0',
      ce_id: '0199-ü',
      ce_source: 'order',
      ce_type: 'Ticket.TicketAccepted',
      ce_time: '2026-09-21T14:13:20.123Z',
      ce_kind: 'event',
      ce_typeversion: '2',
      ce_partitionkey: 'ключ 1',
      ce_correlationid: 'c',
      ce_causationid: 'k',
      ce_replyto: 'reply.order',
      'content-type': 'application/json',
      ce_traceparent: '00-ab-cd-01',
      ce_within: '800',
      'X-Case': 'Größe 🚀',
      b: '',
      'x-case': '1\t2',
    })
  })

  it.each([full, bare])('come back as they were: entries, bytes, a record; in order and case', (message) => {
    const entries = headersOf(kafka, message)
    for (const headers of [entries, asBytes(entries), [...asBytes(entries)], asSlices(entries), Object.fromEntries(entries)]) {
      const back = kafka.read(headers, body, { ...facts, key: Buffer.from('something else') })
      expect(back).toEqual(message)
      expect(Object.keys(back.headers)).toEqual(Object.keys(message.headers))
      expect(back.body).toBe(body)
    }
    const record = Object.fromEntries(headersOf(amqp, message))
    expect(record).not.toHaveProperty('content-type')
    expect(amqp.read(record, body, { ...facts, contentType: message.contentType })).toEqual(message)
  })

  it.each(['ce_id', 'ce_', 'ce_anything', 'content-type', 'Content-Type', 'pabal-due'])(
    'let a user header %s travel under a name of its own',
    (name) => {
      const message = { ...full, headers: { [name]: 'mine', other: 'x' } }
      expect(checkMessage(message, 1000)).toBeUndefined()
      const entries = headersOf(kafka, message)
      expect(entries).toContainEqual([`header:${name}`, 'mine'])
      expect(kafka.read(entries, body, facts)).toEqual(message)
    },
  )

  it('escape on AMQP what AMQP would misread', () => {
    const message = { ...full, headers: { cloudEvents_id: 'mine', 'content-type': 'x', ce_id: 'y' } }
    const entries = headersOf(amqp, message)
    expect(entries).toContainEqual(['header:cloudEvents_id', 'mine'])
    expect(entries).toContainEqual(['content-type', 'x'])
    expect(amqp.read(entries, body, { ...facts, contentType: 'application/json' })).toEqual(message)
  })

  it('come back from slices that lie in any order and in several pieces of memory', () => {
    const slices = asSlices(headersOf(kafka, full))
    for (const some of [
      slices.toReversed(),
      slices.map(([name, value], i) => [i === 3 ? Buffer.from(name) : name, i === 4 ? Buffer.from(value) : value]),
    ])
      expect(kafka.read(some as [Buffer, Buffer][], body, facts)).toEqual(full)
    expect(kafka.read([...slices.slice(0, 3), [Buffer.from('x'), null], ...slices.slice(3)], body, facts).headers).toMatchObject({ x: '' })
  })

  it('say nothing of headers of the technology itself', () => {
    expect(kafka.read([...headersOf(kafka, bare), ['pabal-due', '7']], body, facts)).toEqual(bare)
  })

  it.each([0, -1, 1.5, Date.UTC(2024, 1, 29, 23, 59, 59, 999), Date.UTC(9999, 11, 31), 253_402_300_800_000])('keep the time %d', (time) => {
    expect(kafka.read(headersOf(kafka, { ...bare, time }), body, facts).time).toBe(Math.trunc(time))
  })

  it('take the native time where the message has none', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(kafka.read(headersOf(kafka, { ...bare, time }), body, facts).time).toBe(facts.time)
  })
})

describe('a CloudEvent of another client', () => {
  const event = { ce_specversion: '1.0', ce_id: '1', ce_source: '/x', ce_type: 'com.example', ce_subject: 's' }

  it('is a document of its own type and native key', () => {
    expect(kafka.read(event, body, { ...facts, key: Buffer.from('k') })).toMatchObject({
      id: '1',
      source: '/x',
      type: 'com.example',
      kind: 'document',
      version: 1,
      key: 'k',
      time: facts.time,
      contentType: 'application/octet-stream',
      extensions: { subject: 's' },
    })
  })

  it('is read with every spelling of the time', () => {
    const at = (time: string): number => kafka.read({ ...event, ce_time: time }, body, facts).time
    expect(at('2026-09-21T14:13:20Z')).toBe(Date.UTC(2026, 8, 21, 14, 13, 20))
    expect(at('2026-09-21T14:13:20.123Z')).toBe(Date.UTC(2026, 8, 21, 14, 13, 20, 123))
    expect(at('2026-09-21T15:13:20.123456+01:00')).toBe(Date.UTC(2026, 8, 21, 14, 13, 20, 123))
    for (const none of ['', 'yesterday', '2026-09-21T1x:13:20.123Z', '2026-09-21T99:13:20.123Z', '2026-09-21T14:13:20,1z3Z'])
      expect(at(none)).toBe(facts.time)
  })

  it('may use the other prefix of AMQP, and values that are no text', () => {
    const headers = {
      cloudEvents_id: 7,
      cloudEvents_source: '/x',
      cloudEvents_type: 'a',
      cloudEvents_typeversion: 3,
      n: true,
      t: { a: [1] },
    }
    expect(amqp.read(headers, body, { ...facts, contentType: 'text/plain' })).toMatchObject({
      id: '7',
      version: 3,
      contentType: 'text/plain',
      headers: { n: 'true', t: '{"a":[1]}' },
    })
  })

  it('is understood in structured mode', () => {
    const structured = (value: object): Message =>
      kafka.read(
        { 'content-type': 'application/CloudEvents+json; charset=UTF-8', 'x-mine': '1' },
        Buffer.from(JSON.stringify({ specversion: '1.0', id: '1', source: '/x', type: 'a.b', time: '2026-09-21T14:13:20.123Z', ...value })),
        { ...facts, key: 'k' },
      )
    const json = structured({ data: { ü: [1] }, kind: 'command', partitionkey: 'p', flag: true, nothing: null })
    expect(json).toMatchObject({
      id: '1',
      type: 'a.b',
      kind: 'command',
      key: 'p',
      time: 1_790_000_000_123,
      contentType: 'application/json',
      extensions: { flag: 'true' },
      headers: { 'x-mine': '1' },
    })
    expect(json.extensions).not.toHaveProperty('nothing')
    expect(json.body.toString()).toBe('{"ü":[1]}')
    const text = structured({ data: 'hällo', datacontenttype: 'text/plain' })
    expect([text.contentType, text.body.toString(), text.key]).toEqual(['text/plain', 'hällo', 'k'])
    expect(structured({ data: 'x', datacontenttype: 'application/vnd.a+json' }).body.toString()).toBe('"x"')
    expect(structured({ data_base64: 'AP8K', datacontenttype: 'application/octet-stream' }).body).toEqual(body)
    expect(structured({}).body.byteLength).toBe(0)
  })
})

describe('a foreign message', () => {
  const read = (headers: Record<string, unknown> | null, content: Buffer = body, more: Partial<NativeFacts> = {}): Message =>
    kafka.read(headers, content, { ...facts, ...more })

  it('is a document with its headers and body that says what it lacks', () => {
    const message = read({ 'content-type': 'text/csv', Häder: 'ü', ce_type: 'x' }, body, { key: Buffer.from('k') })
    expect(message).toEqual({
      ...bare,
      id: 'kafka:orders/0@7',
      source: 'kafka:orders',
      type: foreignType,
      kind: 'document',
      time: facts.time,
      contentType: 'text/csv',
      key: 'k',
      extensions: { foreign: 'it has no CloudEvents attribute "id", "source"' },
      headers: { 'H%C3%A4der': 'ü', ce_type: 'x' },
    })
    expect(foreignReason(message)).toMatch(/"id", "source"/)
    expect(foreignReason(full)).toBeUndefined()
  })

  it('survives being sent on, for example as a dead letter', () => {
    const message = read({ 'content-type': 'text/csv', ce_id: '1', ce_type: 'x', 'header:ce_id': '2' })
    expect(kafka.read(headersOf(kafka, message), body, { ...facts, id: 'other', time: 1 })).toEqual(message)
  })

  it.each<[string, Record<string, unknown> | null, Buffer, RegExp]>([
    ['without headers', null, body, /no CloudEvents attributes/],
    ['with a version that is none', { ce_id: '1', ce_source: 's', ce_type: 't', ce_typeversion: '1.5' }, body, /"typeversion"/],
    ['structured and not JSON', { 'content-type': 'application/cloudevents+json' }, Buffer.from('{'), /is not JSON/],
    ['structured and no object', { 'content-type': 'application/cloudevents+json' }, Buffer.from('[]'), /no JSON object/],
    ['structured with __proto__', { 'content-type': 'application/cloudevents+json' }, Buffer.from('{"__proto__":{}}'), /__proto__/],
    ['structured without id', { 'content-type': 'application/cloudevents+json' }, Buffer.from('{"source":"s","type":"t"}'), /"id"/],
    ['in batch', { 'content-type': 'application/cloudevents-batch+json' }, Buffer.from('[]'), /cloudevents-batch\+json is not understood/],
  ])('%s', (_, headers, content, lacks) => {
    const message = read(headers, content)
    expect([message.type, message.body]).toEqual([foreignType, content])
    expect(foreignReason(message)).toMatch(lacks)
  })

  it('has an id from its content where nothing else is known, the same at each delivery', () => {
    const id = (value: string, content = body): string => read({ a: value }, content, { id: undefined }).id
    expect(id('1')).toBe(id('1'))
    expect(new Set([id('1'), id('2'), id('1', Buffer.from('x'))]).size).toBe(3)
  })

  it('becomes something that every link can carry', () => {
    const message = read(
      {
        'a\nb': 'line\nbreak 100%\0',
        bytes: Buffer.from([0x41, 0xff, 0x0a]),
        constructor: 'x',
        prototype: 'y',
        'a:b': 'z',
        nothing: null,
        half: '\ud83d',
        big: { n: 12n },
        ce_id: 'a\nb',
      },
      body,
      { key: 'a\nb', id: Buffer.from('x\ny') },
    )
    expect(message).toMatchObject({ key: 'a%0Ab', id: 'x%0Ay' })
    expect(message.headers).toEqual({
      'a%0Ab': 'line%0Abreak 100%25%00',
      bytes: 'A%FF%0A',
      '%63onstructor': 'x',
      '%70rototype': 'y',
      'a%3Ab': 'z',
      nothing: '',
      half: '�',
      big: '{"n":"12"}',
      ce_id: 'a%0Ab',
    })
    expect(checkMessage(message, 10_000)).toBeUndefined()
    const writer = new FrameWriter()
    writer.write(message)
    expect(readFrame(writer.take(), 0)).toEqual(message)
  })

  it('can set no prototype', () => {
    const headers = [
      ['__proto__', 'x'],
      ['ce___proto__', 'y'],
    ] as const
    const message = kafka.read([...headers, ...headersOf(kafka, bare)], body, facts)
    expect(message.headers).toEqual({ '%5F_proto__': 'x' })
    expect(message.extensions).toEqual({ '%5F_proto__': 'y' })
    expect(kafka.read(headers, body, facts).headers).toEqual({ '%5F_proto__': 'x', ce___proto__: 'y' })
  })
})
