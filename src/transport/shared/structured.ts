import { PabalError } from '../../errors.ts'
import { decodeBody } from '../../message/content.ts'

/** A CloudEvent that travels whole in the body, taken apart. */
export interface Structured {
  readonly attributes: readonly (readonly [name: string, value: unknown])[]
  readonly data: Uint8Array
}

/** Whether the content type says that the body is a whole CloudEvent, in whatever format. */
export function isStructured(contentType: string): boolean {
  return contentType.slice(0, 23).toLowerCase() === 'application/cloudevents'
}

/** The attributes and data of a JSON CloudEvent; or, as a clause, why it is none. */
export function structuredAttributes(contentType: string, body: Uint8Array): Structured | string {
  const [type = ''] = contentType.split(';', 1)
  if (type.trim().toLowerCase() !== 'application/cloudevents+json') return `its format ${type.slice(0, 80)} is not understood here`
  let event: unknown
  try {
    event = decodeBody('json', body)
  } catch (error) {
    return `it should be a JSON CloudEvent, and ${error instanceof PabalError ? error.message : 'cannot be read'}`
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'it should be a JSON CloudEvent, and is no JSON object'
  const { data, data_base64: binary, ...rest } = event as Record<string, unknown>
  if (rest.datacontenttype === undefined || rest.datacontenttype === null) rest.datacontenttype = 'application/json'
  const attributes = Object.entries(rest).filter(([, value]) => value !== null)
  if (typeof binary === 'string') return { attributes, data: Buffer.from(binary, 'base64') }
  if (data === undefined) return { attributes, data: Buffer.alloc(0) }
  const isText = typeof data === 'string' && !isJson(String(rest.datacontenttype))
  return { attributes, data: Buffer.from(isText ? data : JSON.stringify(data), 'utf8') }
}

/** As the JSON format says: a subtype of `json`, or one with the suffix. */
function isJson(contentType: string): boolean {
  const [type = ''] = contentType.split(';', 1)
  const subtype = type.trim().toLowerCase().split('/')[1] ?? ''
  return subtype === 'json' || subtype.endsWith('+json')
}
