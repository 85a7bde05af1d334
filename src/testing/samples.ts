import assert from 'node:assert/strict'
import type { Message } from '../message/message.ts'

/** The messages that scenarios send, and how to tell whether what came is what was sent. */
export interface Sample {
  readonly key?: string | undefined
  readonly body?: string | Uint8Array | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fields?: Partial<Message> | undefined
}

export function sampleMessage(id: string, time: number, sample: Sample = {}): Message {
  const body = sample.body ?? `{"id":${JSON.stringify(id)}}`
  return {
    id,
    source: 'conformance',
    type: 'Sample',
    kind: 'command',
    version: 1,
    time,
    contentType: 'application/json',
    key: sample.key,
    extensions: {},
    headers: sample.headers ?? {},
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
    ...sample.fields,
  }
}

const plain = ['id', 'source', 'type', 'kind', 'version', 'time', 'contentType', 'key', 'correlationId', 'causationId', 'replyTo'] as const

/** Every attribute, the user's headers in their order and case, and every byte of the body. */
export function assertSame(actual: Message, expected: Message): void {
  for (const name of plain) assert.equal(actual[name], expected[name], `${expected.id}: ${name}`)
  assert.deepEqual(Object.entries(actual.headers), Object.entries(expected.headers), `${expected.id}: headers`)
  assert.deepEqual(sorted(actual.extensions), sorted(expected.extensions), `${expected.id}: extensions`)
  const same = Buffer.compare(actual.body, expected.body) === 0
  assert.ok(same, `${expected.id}: the body differs (${actual.body.byteLength} bytes came, ${expected.body.byteLength} were sent)`)
}

const sorted = (record: Readonly<Record<string, string>>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))

/** The same ids, however often and in whatever order. Says which are missing or foreign. */
export function assertIds(actual: Iterable<string>, expected: Iterable<string>, what: string): void {
  const came = new Set(actual)
  const sent = new Set(expected)
  const missing = [...sent].filter((id) => !came.has(id))
  const foreign = [...came].filter((id) => !sent.has(id))
  assert.ok(missing.length === 0 && foreign.length === 0, `${what}: ${few('missing', missing)}${few('not expected', foreign)}`)
}

/**
 * The same values in the same order; says where they part. `deepEqual` tells the whole difference of two long lists, in memory
 * that grows with the square of it.
 */
export function assertSequence<T extends string | number>(actual: readonly T[], expected: readonly T[], what: string): void {
  const at = actual.findIndex((value, index) => value !== expected[index])
  if (at < 0 && actual.length === expected.length) return
  const from = at < 0 ? actual.length : at
  const part = (list: readonly T[]) => `${list.slice(from, from + 5).join(', ')}${list.length > from + 5 ? ', …' : ''}`
  assert.fail(`${what}: at ${from} of ${expected.length} came ${part(actual) || 'nothing'}, expected ${part(expected) || 'nothing'}`)
}

/** No id twice. */
export function assertOnce(ids: readonly string[], what: string): void {
  const seen = new Set<string>()
  const twice = ids.filter((id) => seen.size === seen.add(id).size)
  assert.equal(twice.length, 0, `${what}: ${few('came more than once', twice)}`)
}

const few = (what: string, ids: readonly string[]) =>
  ids.length === 0 ? '' : `${ids.length} ${what} (${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}) `
