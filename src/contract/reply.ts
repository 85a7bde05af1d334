import type { Content, ReplyData } from './data.ts'
import type { BodyOptions } from './options.ts'
import type { StandardSchemaV1 } from './schema.ts'
import type { Carried } from './types/carried.ts'

/** A reply with more to say than its schema. It is a schema itself, so that its types are inferred as a bare one's are. */
export interface ReplyOf<In, Out> extends StandardSchemaV1<In, Out> {
  readonly pabal: ReplyData
}

/** Marks a reply as a failure in the business sense: an answer, not an error. `outcome.failure` is then true. */
export function failure<In, Out, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options?: BodyOptions<Body>,
): ReplyOf<In, Out> {
  return reply(schema, options, true) as ReplyOf<In, Out>
}

/** A reply that is a success, as a bare schema is, with a description, examples or another content. */
export function success<In, Out, Body extends Content = 'json'>(
  schema: Carried<In, Out, Body>,
  options?: BodyOptions<Body>,
): ReplyOf<In, Out> {
  return reply(schema, options, false) as ReplyOf<In, Out>
}

function reply(schema: unknown, options: BodyOptions<Content> | undefined, isFailure: boolean): ReplyOf<unknown, unknown> {
  const given = schema as StandardSchemaV1
  return {
    '~standard': given?.['~standard'],
    pabal: { ...options, content: options?.content ?? 'json', schema: given, failure: isFailure },
  }
}

/** What stands in `replies`: a bare schema, or what `success` and `failure` return (from any copy of the library). */
export function replyData(given: unknown): ReplyData {
  const marked = (given as { readonly pabal?: ReplyData } | null | undefined)?.pabal
  if (typeof marked === 'object' && marked !== null && 'failure' in marked) return marked
  return { schema: given as StandardSchemaV1, content: 'json', failure: false }
}
