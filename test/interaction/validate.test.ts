import { expect, test } from 'vitest'
import { z } from 'zod'
import type { StandardSchemaV1 } from '../../src/contract/schema.ts'
import { checkOf, isPromise } from '../../src/interaction/validate.ts'

const schemaOf = (validate: (value: unknown) => unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as never },
})

test('a fault names the path to each field and what was said of it', () => {
  const schema = z.object({ lines: z.array(z.object({ quantity: z.number() })), 'odd name': z.string(), note: z.string() })
  const check = checkOf(schema, 'kitchen.createTicket', 'payload', 'INVALID_PAYLOAD')
  const value = { lines: [{ quantity: 1 }, { quantity: 'two' }], note: 3 }
  expect(() => check(value)).toThrow(
    /^kitchen\.createTicket: payload\.lines\[1\]\.quantity: .*number.*; payload\["odd name"\]: .*; payload\.note: /,
  )
  expect(() => check(value)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD' }))
})

test('the path segments of other libraries are objects with a key', () => {
  const check = checkOf(
    schemaOf(() => ({ issues: [{ message: 'no', path: [{ key: 'a' }, { key: 0 }, Symbol('s')] }] })),
    'x',
    'payload',
    'INVALID_MESSAGE',
  )
  expect(() => check(1)).toThrow('x: payload.a[0][Symbol(s)]: no')
})

test('many faults are cut to a readable number', () => {
  const check = checkOf(
    schemaOf(() => ({ issues: Array.from({ length: 20 }, (_, n) => ({ message: `fault ${n}` })) })),
    'x',
    'payload',
    'INVALID_MESSAGE',
  )
  expect(() => check(1)).toThrow(/fault 7; and 12 more$/)
})

test('a synchronous schema stays synchronous, an asynchronous one gives a promise', async () => {
  expect(checkOf(z.string().transform(Number), 'x', 'payload', 'INVALID_MESSAGE')('5')).toBe(5)
  const slow = checkOf(
    schemaOf(async (value) => (value === 5 ? { value: 6 } : { issues: [{ message: 'not five' }] })),
    'x',
    'payload',
    'INVALID_PAYLOAD',
  )
  const result = slow(5)
  expect(isPromise(result)).toBe(true)
  expect(await result).toBe(6)
  await expect(slow(4)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD', message: 'x: payload: not five' })
})

test('a schema that throws is a coded fault with the cause, whether it throws or rejects', async () => {
  const cause = new TypeError('bad schema')
  const throwing = checkOf(
    schemaOf(() => {
      throw cause
    }),
    'x',
    'payload',
    'INVALID_PAYLOAD',
  )
  expect(() => throwing(1)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD', cause }))
  const rejecting = checkOf(
    schemaOf(() => Promise.reject(cause)),
    'x',
    'payload',
    'INVALID_MESSAGE',
  )
  await expect(rejecting(1)).rejects.toMatchObject({ code: 'INVALID_MESSAGE', cause })
})
