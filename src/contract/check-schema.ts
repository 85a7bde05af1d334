import type { Add } from './add.ts'
import type { SchemaIssue, StandardSchemaV1 } from './schema.ts'

/** Whether a value is a Standard Schema. ArkType's are functions. */
export function isSchema(schema: unknown): schema is StandardSchemaV1 {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false
  const standard = (schema as { readonly '~standard'?: unknown })['~standard']
  return typeof standard === 'object' && standard !== null && typeof (standard as { readonly validate?: unknown }).validate === 'function'
}

/** Adds a fault where it is none, with the way to wrap one. */
export function checkSchema(where: string, schema: unknown, add: Add): boolean {
  if (isSchema(schema)) return true
  const given =
    schema === null
      ? 'null'
      : Array.isArray(schema)
        ? 'an array'
        : typeof schema === 'object'
          ? 'an object without "~standard"'
          : typeof schema
  add(
    `${where}: the schema is ${given}, not a Standard Schema. zod, Valibot and ArkType schemas are; wrap another library's as ` +
      "{ '~standard': { version: 1, vendor: 'mine', validate: (value) => ok ? { value } : { issues: [{ message }] } } }",
  )
  return false
}

/** What is wrong with an example, in words; undefined where it fits, or where the schema answers only later. */
export function exampleFault(schema: StandardSchemaV1, example: unknown): string | undefined {
  try {
    const result = schema['~standard'].validate(example)
    if (result instanceof Promise) {
      // An asynchronous schema is not awaited at definition; its rejection must not go unheard either.
      result.catch(() => undefined)
      return undefined
    }
    return result.issues === undefined ? undefined : issuesText(result.issues)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The issues on one line, each with its path. At most five are spelled out. */
export function issuesText(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, 5).map((issue) => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  const more = issues.length - shown.length
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
