// biome-ignore-all lint/suspicious/noThenProperty: that such names are refused is what is tested
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  asks,
  command,
  defineService,
  document,
  event,
  failure,
  notification,
  older,
  query,
  type StandardSchemaV1,
} from '../../src/contract/index.ts'
import { PabalError } from '../../src/errors.ts'

/** Defines what the compiler would refuse; the way of a JavaScript user. */
const define = defineService as unknown as (name: unknown, options: unknown) => unknown
const loose = {
  command: command as unknown as (schema: unknown, options?: unknown) => unknown,
  notification: notification as unknown as (schema: unknown, options?: unknown) => unknown,
  query: query as unknown as (schema: unknown, options?: unknown) => unknown,
  event: event as unknown as (schema: unknown, options?: unknown) => unknown,
}

function refusal(name: unknown, options: unknown): PabalError {
  try {
    define(name, options)
  } catch (error) {
    if (error instanceof PabalError) return error
    throw error
  }
  throw new Error('the contract was accepted')
}

const Text = z.object({ id: z.string() })
const replies = { Done: Text }
const good = notification(Text)
const later: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('later')) },
}

describe('each fault of a contract is INVALID_CONTRACT and says where', () => {
  const faults: [what: string, options: unknown, said: RegExp][] = [
    ['no version', {}, /version is undefined, give one such as '1\.0\.0'/],
    ['an unknown section', { version: '1', command: {} }, /"command" is not a section of a contract: use version, .*uses/],
    [
      'a command and a query of one name',
      { version: '1', commands: { a: good }, queries: { a: query(Text, { replies }) } },
      /queries\.a: commands\.a has the same name/,
    ],
    [
      'a command and a document of one name',
      { version: '1', commands: { a: good }, documents: { a: document(Text) } },
      /documents\.a: commands\.a has the same name/,
    ],
    ['the name replies', { version: '1', commands: { replies: good } }, /commands\.replies: the name is taken/],
    ['the name on', { version: '1', queries: { on: query(Text, { replies }) } }, /queries\.on: the name is taken/],
    ['the name then', { version: '1', commands: { then: good } }, /commands\.then: "then" is not allowed/],
    ['the name constructor', { version: '1', commands: { constructor: good } }, /commands\.constructor: "constructor" is not allowed/],
    ['the name __proto__', { version: '1', commands: { ['__proto__']: good } }, /commands\.__proto__: "__proto__" is not allowed/],
    ['__proto__ as it is usually written', { version: '1', commands: { __proto__: good } }, /commands: "__proto__" is not allowed/],
    ['a name with a space', { version: '1', commands: { 'a b': good } }, /"a b" is not a usable name: begin with a letter/],
    ['a name that is too long', { version: '1', commands: { ['a'.repeat(101)]: good } }, /is not a usable name/],
    ['an aggregate with a dot', { version: '1', events: { 'a.b': { E: event(Text) } } }, /events\.a\.b: "a\.b" is not a usable name/],
    [
      'an aggregate in the reply namespace',
      { version: '1', events: { reply: { E: event(Text) } } },
      /"reply" is not allowed, since reply addresses begin with it/,
    ],
    [
      'an aggregate named as the service',
      { version: '1', events: { kitchen: { E: event(Text) } } },
      /events\.kitchen: the aggregate has the service's name/,
    ],
    ['an aggregate without events', { version: '1', events: { Ticket: {} } }, /events\.Ticket declares no event/],
    [
      'an event named __proto__',
      { version: '1', events: { Ticket: { ['__proto__']: event(Text) } } },
      /events\.Ticket\.__proto__: "__proto__" is not allowed/,
    ],
    [
      'a reply named constructor',
      { version: '1', commands: { a: command(Text, { replies: { constructor: Text } }) } },
      /commands\.a\.replies\.constructor: "constructor" is not allowed/,
    ],
    [
      'a reply with a space',
      { version: '1', commands: { a: command(Text, { replies: { 'not now': Text } }) } },
      /"not now" is not a usable name/,
    ],
    [
      'a schema in place of a command',
      { version: '1', commands: { a: Text } },
      /commands\.a is not declared with command\(…\) or notification\(…\)/,
    ],
    ['an event among the commands', { version: '1', commands: { a: event(Text) } }, /commands\.a is not declared with command/],
    ['a command among the events', { version: '1', events: { A: { E: good } } }, /events\.A\.E is not declared with event\(…\)/],
    ['a section that is a list', { version: '1', commands: [good] }, /commands is not an object of declarations by name/],
    ['null for a declaration', { version: '1', queries: { a: null } }, /queries\.a is not declared with query\(…\)/],
    [
      'no schema',
      { version: '1', commands: { a: loose.notification(undefined) } },
      /commands\.a: the schema is undefined, not a Standard Schema\. .*wrap another library's as \{ '~standard'/,
    ],
    [
      'an object that is no schema',
      { version: '1', commands: { a: loose.notification({ type: 'string' }) } },
      /the schema is an object without "~standard"/,
    ],
    [
      'a reply that is no schema',
      { version: '1', commands: { a: loose.command(Text, { replies: { A: 7 } }) } },
      /commands\.a\.replies\.A: the schema is number/,
    ],
    [
      'a failure that is no schema',
      { version: '1', commands: { a: loose.command(Text, { replies: { A: failure(undefined as never) } }) } },
      /commands\.a\.replies\.A: the schema is undefined/,
    ],
    [
      'a command without replies',
      { version: '1', commands: { a: loose.command(Text, { replies: {} }) } },
      /commands\.a declares no replies/,
    ],
    ['a command without options', { version: '1', commands: { a: loose.command(Text) } }, /commands\.a declares no replies/],
    [
      'a notification with replies',
      { version: '1', commands: { a: loose.notification(Text, { replies }) } },
      /commands\.a: a notification has no reply channel/,
    ],
    [
      'an unknown option',
      { version: '1', commands: { a: loose.notification(Text, { keys: 'id' }) } },
      /commands\.a: "keys" is not an option of a notification/,
    ],
    [
      'to on a command',
      { version: '1', commands: { a: loose.command(Text, { replies, to: 'many' }) } },
      /"to" is not an option of a command/,
    ],
    [
      'a query to some',
      { version: '1', queries: { a: loose.query(Text, { replies, to: 'some' }) } },
      /queries\.a: to is "some", give 'one' or 'many'/,
    ],
    [
      'a query to many that is named as a dead-letter channel',
      { version: '1', queries: { dead: query(Text, { replies, to: 'many' }) } },
      /queries\.dead: a query to many cannot have this name/,
    ],
    [
      'an unknown content',
      { version: '1', commands: { a: loose.notification(Text, { content: 'yaml' }) } },
      /content is "yaml", give 'json', 'text' or 'binary'/,
    ],
    [
      'version 0',
      { version: '1', commands: { a: notification(Text, { version: 0 }) } },
      /commands\.a: version is 0, give a whole number from 1/,
    ],
    [
      'an accepted version that is the current one',
      { version: '1', commands: { a: notification(Text, { version: 2, accepts: { 2: older(Text, (old) => old) } }) } },
      /accepts\[2\]: an older version must be below the current one, 2/,
    ],
    [
      'an accepted version that is not a number',
      { version: '1', commands: { a: notification(Text, { version: 2, accepts: { one: older(Text, (old) => old) } as never }) } },
      /accepts\[one\]: give a whole number from 1/,
    ],
    [
      'an accepted version without an upgrade',
      { version: '1', commands: { a: loose.notification(Text, { version: 2, accepts: { 1: Text } }) } },
      /accepts\[1\] is not declared with older\(schema, upgrade\)/,
    ],
    [
      'an accepted version without a schema',
      { version: '1', commands: { a: loose.notification(Text, { version: 2, accepts: { 1: { upgrade: () => 1 } } }) } },
      /accepts\[1\]: the schema is undefined/,
    ],
    [
      'a key that the examples lack',
      { version: '1', commands: { a: loose.notification(Text, { key: 'orderId', examples: [{ id: 'x' }] }) } },
      /the key "orderId" is not a string in example 0/,
    ],
    [
      'a key that the JSON Schema lacks',
      { version: '1', commands: { a: loose.notification(Text, { key: 'orderId', jsonSchema: { properties: { id: {} } } }) } },
      /the key "orderId" is not a property of its jsonSchema/,
    ],
    [
      'a key of text',
      { version: '1', commands: { a: loose.notification(z.string(), { key: 'length', content: 'text' }) } },
      /a text payload has no field "length"/,
    ],
    [
      'a key of an event',
      { version: '1', events: { A: { E: loose.event(Text, { key: 'id' }) } } },
      /an event is given its key when it is published/,
    ],
    [
      'an example that does not fit (zod)',
      { version: '1', commands: { a: notification(Text, { examples: [{ id: 'x' }, { id: 7 }] }) } },
      /commands\.a: example 1 does not fit its schema: id: /,
    ],
    [
      'an example that does not fit (Valibot)',
      {
        version: '1',
        commands: { a: notification(v.object({ deep: v.object({ id: v.string() }) }), { examples: [{ deep: { id: 7 } }] }) },
      },
      /example 0 does not fit its schema: deep\.id: /,
    ],
    [
      'an example that does not fit (ArkType)',
      { version: '1', commands: { a: notification(type({ id: 'string' }), { examples: [{ id: 7 }] }) } },
      /example 0 does not fit its schema: id: /,
    ],
    [
      'an example of a reply',
      { version: '1', commands: { a: command(Text, { replies: { No: failure(Text, { examples: [{}] }) } }) } },
      /commands\.a\.replies\.No: example 0 does not fit/,
    ],
    [
      'examples that are no list',
      { version: '1', commands: { a: loose.notification(Text, { examples: { id: 'x' } }) } },
      /commands\.a: examples is not an array/,
    ],
    ['a use that is a message', { version: '1', uses: { a: good } }, /uses\.a is not a message of another service: declare it as asks\(/],
    [
      'a use of an event',
      { version: '1', uses: { a: { message: event(Text) } } },
      /uses\.a is not a message of another service: .*subscribed to with on/,
    ],
    ['a use of nothing', { version: '1', uses: { a: undefined } }, /uses\.a is not a message of another service/],
    [
      'a use of a declaration that no service has',
      { version: '1', uses: { a: asks(good) } },
      /uses\.a: the message belongs to no service yet/,
    ],
  ]
  test.each(faults)('%s', (_what, options, said) => {
    const error = refusal('kitchen', options)
    expect(error.code).toBe('INVALID_CONTRACT')
    expect(error.message).toMatch(/^The contract of "kitchen": /)
    expect(error.message).toMatch(said)
  })

  test.each([[undefined], [''], ['1st'], ['a.b'], ['__proto__'], ['then'], ['reply'], ['inbox'], ['a'.repeat(101)]])(
    'the service name %j',
    (name) => {
      expect(refusal(name, { version: '1' }).code).toBe('INVALID_CONTRACT')
    },
  )
  test('no declarations at all', () => {
    expect(refusal('kitchen', undefined).message).toMatch(/no declarations were given/)
  })

  const kitchen = defineService('kitchen', { version: '1', commands: { a: command(Text, { replies }), n: notification(Text) } })
  test('a context for what nobody answers later', () => {
    expect(refusal('o', { version: '1', uses: { n: asks(kitchen.commands.n, { context: Text }) } }).message).toMatch(
      /uses\.n: a context comes back with a later reply, and a notification has none/,
    )
    expect(refusal('o', { version: '1', uses: { a: asks(kitchen.commands.a, { context: Text, awaited: true }) } }).message).toMatch(
      /uses\.a: a context comes back with a later reply/,
    )
    expect(refusal('o', { version: '1', uses: { a: asks(kitchen.commands.a, { context: 7 as never }) } }).message).toMatch(
      /uses\.a\.context: the schema is number/,
    )
  })
})

test('all faults of a contract are told together', () => {
  const error = refusal('kit chen', {
    commands: { then: good, on: 7, a: loose.command({}, { replies: {} }) },
    queries: { a: loose.query(Text, { to: 'some', replies }) },
    events: { reply: {} },
  })
  expect(error.code).toBe('INVALID_CONTRACT')
  expect(error.message.split('\n')).toHaveLength(1 + 11)
  for (const said of [
    'kit chen',
    'version',
    'commands.then',
    'commands.on: the name',
    'commands.on is not',
    'commands.a: the schema',
    'commands.a declares no replies',
    'queries.a: commands.a',
    'queries.a: to',
    'events.reply: "reply"',
    'events.reply declares no event',
  ])
    expect(error.message).toContain(said)
})

test('an asynchronous schema is not awaited for its examples, and its rejection is heard', async () => {
  expect(() => defineService('a', { version: '1', commands: { n: notification(later, { examples: [{}] }) } })).not.toThrow()
  // An unheard rejection would fail the run.
  await new Promise((resolve) => setTimeout(resolve, 5))
})

test('a query to one may be named as no channel is', () => {
  expect(() => defineService('a', { version: '1', queries: { dead: query(Text, { replies }) } })).not.toThrow()
})
