import type { SchemaIssue, SchemaResult, StandardSchemaV1 } from '../contract/schema.ts'
import { type ErrorCode, PabalError } from '../errors.ts'

/** The schema's output, or a promise of it where the schema is asynchronous. Throws or rejects with the code it was made with. */
export type Check = (value: unknown) => unknown

/**
 * Makes the check of one schema once, so that nothing is looked up per message. A synchronous schema stays synchronous:
 * the result is branched on, not awaited. `root` is how the value is called in the error's path.
 */
export function checkOf(schema: StandardSchemaV1, label: string, root: string, code: ErrorCode): Check {
  const standard = schema['~standard']
  const settle = (result: SchemaResult<unknown>): unknown => {
    if (result.issues !== undefined) throw new PabalError(code, `${label}: ${describeIssues(result.issues, root)}`)
    return result.value
  }
  const failed = (cause: unknown): never => {
    throw new PabalError(code, `${label}: the schema threw while it looked at the ${root}: ${textOf(cause)}`, { cause })
  }
  return (value) => {
    let result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>
    try {
      result = standard.validate(value)
    } catch (cause) {
      return failed(cause)
    }
    return isPromise(result) ? Promise.resolve(result).then(settle, failed) : settle(result)
  }
}

/** True for a promise of any realm or library. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** `payload.lines[0].quantity: expected number; payload.note: too long`, at most eight of them. */
export function describeIssues(issues: readonly SchemaIssue[], root: string): string {
  const shown = issues.slice(0, 8).map((issue) => `${root}${pathText(issue.path)}: ${issue.message}`)
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`)
  return shown.join('; ')
}

function pathText(path: SchemaIssue['path']): string {
  let text = ''
  for (const segment of path ?? []) {
    const key = typeof segment === 'object' ? segment.key : segment
    if (typeof key === 'number') text += `[${key}]`
    else if (typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key)) text += `.${key}`
    else text += `[${typeof key === 'symbol' ? String(key) : JSON.stringify(key)}]`
  }
  return text
}

/** What an unknown thrown value says. */
export function textOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}
