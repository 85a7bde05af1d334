import { PabalError } from '../errors.ts'
import { none } from '../message/message.ts'

/**
 * A copy of the headers that a sender gave: what the caller does with the object afterwards is the caller's own business. Throws
 * `INVALID_HEADER` where they are no plain object, since copying a `Headers`, a `Map` or an inherited member would lose them in silence.
 */
export function copyOfHeaders(headers: Readonly<Record<string, string>> | undefined, label: string): Readonly<Record<string, string>> {
  if (headers === undefined) return none
  if (typeof headers !== 'object' || !isPlain(headers))
    throw new PabalError('INVALID_HEADER', `${label}: the headers are ${nameOf(headers)}, give a plain object such as { 'x-trace': '1' }`)
  return { ...headers }
}

function isPlain(value: object | null): boolean {
  if (value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : `a ${typeof value}`
  const name: unknown = Array.isArray(value) ? 'list' : value.constructor?.name
  return name === 'Object' ? 'an object with members in its prototype' : `a ${typeof name === 'string' ? name : 'special object'}`
}
