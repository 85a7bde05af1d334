import { describe, expect, test } from 'vitest'
import { applied } from '../../src/cli/lots/edits.ts'
import { foreign } from '../service/apps.ts'

describe('changes', () => {
  const message = (body: string, contentType = 'application/json') => foreign('kitchen', { contentType, headers: { a: '1' } }, body).message
  const none = { set: [], unset: [], headers: [] }
  const changed = (body: string, changes: Partial<Parameters<typeof applied>[1]>) =>
    Buffer.from(applied(message(body), { ...none, ...changes }).body ?? []).toString()

  test.each([
    ['{"a":{"b":[1,2]}}', { set: ['a.b.1=7'] }, '{"a":{"b":[1,7]}}'],
    ['{"a":1}', { set: ['b=text', 'c={"d":null}'] }, '{"a":1,"b":"text","c":{"d":null}}'],
    ['{"a":1,"b":[1,2,3]}', { unset: ['a', 'b.1'] }, '{"b":[1,3]}'],
    ['{"a":1}', { body: Buffer.from('{"x":0}'), set: ['x=1'] }, '{"x":1}'],
  ])('%s with %j', (body, changes, result) => expect(changed(body, changes)).toBe(result))

  test('headers are added to those that are there', () =>
    expect(applied(message('{}'), { ...none, headers: ['b=2', 'a=3'] }).headers).toEqual({ a: '3', b: '2' }))

  test.each([
    ['{"a":1}', { set: ['a.b.c=1'] }, 'a is no object: it has no field "b"'],
    ['{"a":[1]}', { set: ['a.x=1'] }, 'a is a list: give a position'],
    ['{"a":1}', { set: ['a..b=1'] }, '"a..b" is no path'],
    ['{"a":1}', { set: ['__proto__.x=1'] }, 'is no path'],
    ['{"a":1}', { set: ['a'] }, '--set is "a"'],
  ])('refused: %s with %j', (body, changes, said) => expect(() => changed(body, changes)).toThrow(said))

  test('fields of what is no JSON', () =>
    expect(() => applied(message('abc', 'text/plain'), { ...none, set: ['a=1'] })).toThrow('--set and --unset need a payload of JSON'))
})
