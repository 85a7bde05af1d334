import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import {
  asks,
  type ContractOf,
  command,
  defineService,
  document,
  event,
  failure,
  notification,
  older,
  query,
  type ServiceData,
  success,
} from '../../src/contract/index.ts'
import { type Courier, Kitchen, type Order } from './ftgo.ts'
import { same } from './same.ts'

// Plain types, from each validator: in and out.
const zodNote = notification(z.object({ a: z.string(), n: z.string().transform(Number), d: z.number().default(1) }))
same<(typeof zodNote)['~in'], { a: string; n: string; d?: number | undefined }>(true)
same<(typeof zodNote)['~out'], { a: string; n: number; d: number }>(true)
const valibotNote = notification(v.object({ a: v.string(), n: v.pipe(v.string(), v.transform(Number)), d: v.optional(v.number(), 1) }))
same<(typeof valibotNote)['~in'], { a: string; n: string; d?: number | undefined }>(true)
same<(typeof valibotNote)['~out'], { a: string; n: number; d: number }>(true)
const arkNote = notification(type({ a: 'string', n: 'string.numeric.parse', 'd?': 'number' }))
same<(typeof arkNote)['~in'], { a: string; n: string; d?: number }>(true)
same<(typeof arkNote)['~out'], { a: string; n: number; d?: number }>(true)

// Replies, mixed; a marked one infers as a bare one does.
const mixed = command(z.string(), {
  replies: { A: z.object({ a: z.string() }), B: failure(v.object({ b: v.number() })), C: success(type({ c: 'boolean' })) },
})
same<(typeof mixed)['~replyIn'], { A: { a: string }; B: { b: number }; C: { c: boolean } }>(true)
same<(typeof mixed)['~replyOut'], { A: { a: string }; B: { b: number }; C: { c: boolean } }>(true)

// The key is a field that always holds a string.
notification(z.object({ id: z.string(), status: z.enum(['open', 'closed']) }), { key: 'status' })
const Either = z.union([z.object({ id: z.string(), a: z.number() }), z.object({ id: z.string(), b: z.string() })])
notification(Either, { key: 'id' })
// @ts-expect-error: not in every payload
notification(Either, { key: 'b' })
notification(z.object({ id: z.string().brand('id') }), { key: 'id' })
// @ts-expect-error: may be missing
notification(z.object({ id: z.string().optional() }), { key: 'id' })
// @ts-expect-error: a number
notification(z.object({ id: z.number() }), { key: 'id' })
// @ts-expect-error: the key of an event is given when it is published
event(z.object({ id: z.string() }), { key: 'id' })

// What JSON can carry, and what not.
interface Tree {
  readonly name: string
  readonly children?: readonly Tree[]
}
document(z.custom<Tree>())
document(z.custom<{ tree: Tree; list: Tree[] }>())
document(z.json())
document(z.unknown())
document(z.record(z.string(), z.union([z.string(), z.null()])))
document(z.tuple([z.string(), z.literal(1).nullish()]))
document(z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }))
// @ts-expect-error: a Date, deep inside
document(z.object({ list: z.array(z.object({ at: z.date().optional() })) }))
// @ts-expect-error: a Date inside an interface
document(z.custom<{ tree: Tree & { readonly at: Date } }>())
// @ts-expect-error: a bigint
document(v.object({ n: v.bigint() }))
// @ts-expect-error: a Map
document(v.map(v.string(), v.string()))
// @ts-expect-error: a Set
document(v.object({ set: v.set(v.string()) }))
// @ts-expect-error: a Date
document(type({ at: 'Date' }))
// @ts-expect-error: a symbol
document(z.object({ s: z.symbol() }))
// @ts-expect-error: a context travels as JSON too
asks(Kitchen.commands.createTicket, { context: z.object({ at: z.date() }) })
// @ts-expect-error: in a failure as well
failure(z.object({ at: z.date() }))

// Other contents.
document(z.instanceof(Uint8Array), { content: 'binary' })
// @ts-expect-error: not bytes
document(z.string(), { content: 'binary' })
document(v.string(), { content: 'text' })
// @ts-expect-error: not text
document(v.object({}), { content: 'text' })
// @ts-expect-error: no such content
document(v.string(), { content: 'yaml' })
success(z.instanceof(Uint8Array), { content: 'binary' })
// @ts-expect-error: not bytes
success(z.string(), { content: 'binary' })

// Versions: the upgrade is given the older output, and returns the current input.
event(z.object({ n: z.string().transform(Number) }), {
  version: 2,
  accepts: { 1: older(z.object({ m: z.coerce.number() }), (old) => ({ n: old.m.toFixed() })) },
})
event(z.object({ n: z.string().transform(Number) }), {
  version: 2,
  // @ts-expect-error: the current output is not its input
  accepts: { 1: older(z.object({ m: z.string() }), (old) => ({ n: Number(old.m) })) },
})
// @ts-expect-error: the older version has no such field
older(z.object({ m: z.string() }), (old) => ({ n: old.k }))
// Two older versions, and another library's.
event(z.object({ n: z.string(), x: z.string().optional() }), {
  version: 3,
  accepts: {
    1: older(v.object({ a: v.string() }), (old) => ({ n: old.a })),
    2: older(type({ b: 'string' }), (old) => ({ n: old.b, x: old.b })),
  },
})

// Queries, to one unless said otherwise.
same<Kitchen['queries']['menu']['to'], 'one'>(true)
same<Courier['queries']['quote']['to'], 'many'>(true)
// @ts-expect-error: one or many
query(z.string(), { to: 'some', replies: { A: z.string() } })

// Sections take what is theirs.
// @ts-expect-error: an event is not a command
defineService('x', { version: '1', commands: { a: event(z.string()) } })
// @ts-expect-error: a command is not an event
defineService('x', { version: '1', events: { A: { a: command(z.string(), { replies: { A: z.string() } }) } } })
// @ts-expect-error: `uses` holds what asks(…) returns
defineService('x', { version: '1', uses: { a: Kitchen.commands.createTicket } })
// @ts-expect-error: events are subscribed to with on(…)
asks(Kitchen.events.Ticket.TicketAccepted)
// @ts-expect-error: no such section
defineService('x', { version: '1', command: {} })
// @ts-expect-error: a version is asked for
defineService('x', {})

// A contract is its data; a section that is left out is empty.
const data: ServiceData = Kitchen
const empty = defineService('empty', { version: '1', description: 'Nothing.' })
same<keyof (typeof empty)['commands'] | keyof (typeof empty)['uses'], never>(true)
same<(typeof empty)['name'], 'empty'>(true)
// @ts-expect-error: not declared
Kitchen.commands.createTiket
// @ts-expect-error: data is not to be changed
Kitchen.commands.createTicket.version = 2

// The type of a use: its message, its context in and out.
same<Order['uses']['createTicket']['~contextOut'], { orderId: string }>(true)
same<Order['uses']['menu']['~contextIn'], never>(true)

interface Named extends ContractOf<typeof empty> {}
const named: Named = empty

export { data, named }
