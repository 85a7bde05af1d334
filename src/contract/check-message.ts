import type { Add } from './add.ts'
import { checkName } from './check-name.ts'
import { checkSchema, exampleFault } from './check-schema.ts'
import type { Described, MessageData } from './data.ts'
import type { StandardSchemaV1 } from './schema.ts'

const contents = ['json', 'text', 'binary']
const known = 'service kind type aggregate version schema key content replies to accepts description examples deprecated jsonSchema'.split(
  ' ',
)

/** Adds every fault of one declaration. */
export function checkMessageData(where: string, message: MessageData, add: Add): void {
  const usable = checkSchema(where, message.schema, add)
  checkContent(where, message.content, add)
  if (usable) checkExamples(where, message.schema, message, add)
  checkKey(where, message, add)
  checkVersions(where, message, add)
  checkReplies(where, message, add)
  if (message.kind === 'query') checkTo(where, message, add)
  for (const option of Object.keys(message))
    if (!known.includes(option) || (option === 'to' && message.kind !== 'query'))
      add(`${where}: ${JSON.stringify(option)} is not an option of a ${message.kind}`)
}

function checkContent(where: string, content: unknown, add: Add): void {
  if (!contents.includes(content as string)) add(`${where}: content is ${JSON.stringify(content)}, give 'json', 'text' or 'binary'`)
}

function checkExamples(where: string, schema: StandardSchemaV1, described: Described, add: Add): void {
  if (described.examples === undefined) return
  if (!Array.isArray(described.examples)) {
    add(`${where}: examples is not an array`)
    return
  }
  for (const [index, example] of described.examples.entries()) {
    const fault = exampleFault(schema, example)
    if (fault !== undefined) add(`${where}: example ${index} does not fit its schema: ${fault}`)
  }
}

/** The key's field is looked for wherever the payload can be seen: in the examples and in an explicit JSON Schema. */
function checkKey(where: string, message: MessageData, add: Add): void {
  const fault = message.key === undefined ? undefined : keyFault(message.key, message)
  if (fault !== undefined) add(`${where}: ${fault}`)
}

function keyFault(key: unknown, { kind, content, examples, jsonSchema }: MessageData): string | undefined {
  if (kind === 'event') return 'an event is given its key when it is published, it cannot name a key field'
  const name = JSON.stringify(key)
  if (typeof key !== 'string' || key === '') return `key is ${name}, give the name of a payload field`
  if (content !== 'json') return `a ${content} payload has no field ${name} to be the key`
  const properties = jsonSchema?.properties
  if (typeof properties === 'object' && properties !== null && !Object.hasOwn(properties, key))
    return `the key ${name} is not a property of its jsonSchema`
  if (!Array.isArray(examples)) return undefined
  const without = examples.findIndex((example) => typeof example !== 'object' || example === null || typeof example[key] !== 'string')
  return without === -1 ? undefined : `the key ${name} is not a string in example ${without}`
}

function checkVersions(where: string, message: MessageData, add: Add): void {
  const { version } = message
  const usable = Number.isSafeInteger(version) && version >= 1
  if (!usable) add(`${where}: version is ${JSON.stringify(version)}, give a whole number from 1`)
  for (const [key, older] of Object.entries<MessageData['accepts'][number] | undefined>(message.accepts)) {
    const at = `${where}.accepts[${key}]`
    const accepted = Number(key)
    if (!Number.isSafeInteger(accepted) || accepted < 1 || String(accepted) !== key) add(`${at}: give a whole number from 1`)
    else if (usable && accepted >= version) add(`${at}: an older version must be below the current one, ${version}`)
    if (typeof older?.upgrade !== 'function') add(`${at} is not declared with older(schema, upgrade)`)
    else checkSchema(at, older.schema, add)
  }
}

function checkReplies(where: string, message: MessageData, add: Add): void {
  const answers = message.kind === 'command' || message.kind === 'query'
  if (!answers && message.replies !== undefined)
    add(`${where}: a ${message.kind} has no reply channel; declare a command(…) to name replies`)
  if (!answers) return
  const replies = Object.entries(message.replies ?? {})
  if (replies.length === 0) add(`${where} declares no replies: name at least one outcome, or declare a notification(…)`)
  for (const [name, reply] of replies) {
    const at = `${where}.replies.${name}`
    checkName(at, name, add)
    checkContent(at, reply.content, add)
    if (checkSchema(at, reply.schema, add)) checkExamples(at, reply.schema, reply, add)
  }
}

/** A query to many has a channel of its own, named `service.query`, beside those for what could not be handled. */
function checkTo(where: string, { to }: MessageData, add: Add): void {
  if (to !== 'one' && to !== 'many') add(`${where}: to is ${JSON.stringify(to)}, give 'one' or 'many'`)
  const name = where.slice(where.lastIndexOf('.') + 1)
  if (to === 'many' && (name === 'dead' || name === 'invalid'))
    add(`${where}: a query to many cannot have this name, since the channel "….${name}" holds what could not be handled`)
}
