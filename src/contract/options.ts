import type { Content, Described } from './data.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { ReplyMisfits } from './types/carried.ts'

/** Said of any declaration, for its documentation. */
export interface DescribedOptions extends Described {
  /** In Markdown. */
  readonly description?: string | undefined
  /** Payloads as a sender gives them. Checked against the schema when the service is defined. */
  readonly examples?: readonly unknown[] | undefined
  /** True, or what to use instead. */
  readonly deprecated?: boolean | string | undefined
  /** The JSON Schema of the input, where the schema's library cannot export one. */
  readonly jsonSchema?: Readonly<Record<string, unknown>> | undefined
}

export interface BodyOptions<Body extends Content> extends DescribedOptions {
  /** How the body travels. Default `json`. `text`: the payload is a string; `binary`: a Uint8Array. */
  readonly content?: Body | undefined
}

export interface MessageOptions<In, Old extends In, Body extends Content> extends BodyOptions<Body> {
  /** The version that is sent, a whole number from 1. Default 1. */
  readonly version?: number | undefined
  /** Older versions that are still read, and how each becomes this one: `{ 1: older(SchemaV1, upgrade) }`. */
  readonly accepts?: Readonly<Record<number, Older<Old>>> | undefined
}

export interface KeyedOptions<In, Old extends In, Body extends Content> extends MessageOptions<In, Old, Body> {
  /** The payload field, a string, whose value is the partition key: messages with the same key are handled in order. */
  readonly key?: ({ readonly [Field in keyof In]-?: In[Field] extends string ? Field : never }[keyof In] & string) | undefined
}

export interface ReplyingOptions<In, ReplyIn, ReplyOut, Old extends In, Body extends Content> extends KeyedOptions<In, Old, Body> {
  /** Every outcome by name: a schema, or `success(schema, …)` or `failure(schema, …)`. At least one. */
  readonly replies: ReplySchemas<ReplyIn, ReplyOut>
}

/**
 * Plain payload types are inferred from the schemas backwards through the two mapped types; the third refuses what JSON cannot
 * carry.
 */
export type ReplySchemas<ReplyIn, ReplyOut> = { readonly [Name in keyof ReplyIn]: StandardSchemaV1<ReplyIn[Name], unknown> } & {
  readonly [Name in keyof ReplyOut]: StandardSchemaV1<unknown, ReplyOut[Name]>
} & ReplyMisfits<ReplyIn>

export interface QueryOptions<In, ReplyIn, ReplyOut, Old extends In, Body extends Content, To extends 'one' | 'many'>
  extends ReplyingOptions<In, ReplyIn, ReplyOut, Old, Body> {
  /** Who answers: one responder (the default), or every service that serves the query, gathered by the asker. */
  readonly to?: To | undefined
}

/** An older version of a message that becomes `Next`. */
export interface Older<Next> {
  readonly schema: StandardSchemaV1
  readonly upgrade: (old: never) => Next
}
