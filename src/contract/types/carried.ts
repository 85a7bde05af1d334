import type { Content } from '../data.ts'
import type { StandardSchemaV1 } from '../schema.ts'

/** What JSON carries without loss. Recursive, so that the common case is one assignability check and costs no instantiation a field. */
type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [name: string]: Json }

/** What each content carries. */
interface Carriers {
  readonly json: Json
  readonly text: string
  readonly binary: Uint8Array
}

/**
 * The schema, where its input can travel as `Body`; otherwise a sentence that the compiler shows in place of a type. The first
 * condition is the common case, decided by one assignability check.
 */
export type Carried<In, Out, Body extends Content> = [In] extends [Carriers[Body]]
  ? StandardSchemaV1<In, Out>
  : [Misfit<In, Body>] extends [never]
    ? StandardSchemaV1<In, Out>
    : Misfit<In, Body>

/** never, or what is wrong with a payload type, in words. */
export type Misfit<In, Body extends Content> = Body extends 'text'
  ? [In] extends [string]
    ? never
    : "content 'text' carries a string: declare a string schema"
  : Body extends 'binary'
    ? [In] extends [Uint8Array]
      ? never
      : "content 'binary' carries a Uint8Array: declare a schema of Uint8Array"
    : [In] extends [Json]
      ? never
      : `JSON cannot carry ${Lost<In, 'the payload', [0, 0, 0, 0, 0, 0]>}`

/** As `Misfit`, for bare replies by name: a Uint8Array is left to `success` and `failure`, which know the content. */
export type ReplyMisfits<In> = [In] extends [Json] ? unknown : { readonly [Name in MisfitNames<In>]: ReplyMisfit<In[Name]> }

type MisfitNames<In> = { readonly [Name in keyof In]: [ReplyMisfit<In[Name]>] extends [never] ? never : Name }[keyof In]
type ReplyMisfit<In> = [In] extends [Uint8Array] ? never : Misfit<In, 'json'>

/** Walks a type that is not plainly JSON, to a bounded depth, and names the first things that JSON would lose. */
type Lost<Value, Path extends string, Depth extends readonly unknown[]> = unknown extends Value
  ? never
  : Value extends string | number | boolean | null | undefined
    ? never
    : Value extends Date
      ? `a Date (${Path}): declare a string, such as an ISO date-time`
      : Value extends bigint
        ? `a bigint (${Path}): declare a string`
        : Value extends ReadonlyMap<unknown, unknown>
          ? `a Map (${Path}): declare an object or an array`
          : Value extends ReadonlySet<unknown>
            ? `a Set (${Path}): declare an array`
            : Value extends ArrayBufferView | ArrayBuffer
              ? `bytes (${Path}): declare content 'binary', or a base64 string`
              : Value extends symbol
                ? `a symbol (${Path})`
                : Value extends (...args: never) => unknown
                  ? `a function (${Path})`
                  : Depth extends readonly [unknown, ...infer Rest]
                    ? Value extends readonly (infer Item)[]
                      ? Lost<Item, `${Path}[]`, Rest>
                      : {
                          [Name in keyof Value & string]-?: Lost<Value[Name], Path extends 'the payload' ? Name : `${Path}.${Name}`, Rest>
                        }[keyof Value & string]
                    : never

/**
 * `T` itself, but not inferred from the place where a function's result is put: there a section's general shape would win over a
 * default.
 */
export type Settled<T> = [T] extends [infer Known extends T] ? Known : never
