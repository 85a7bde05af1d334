import type { MessageData } from '../contract/data.ts'
import type { Handlers, Named, Publish, ServiceShape } from '../contract/types/index.ts'
import { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { App } from '../service/app.ts'
import type { ServeOptions } from '../service/options.ts'

/** How a fake treats one message: with an answer that is always the same, or with a handler as `serve` takes it. */
export type FakeAnswer<S extends ServiceShape, K extends keyof Named<S>> =
  | { readonly [R in keyof Named<S>[K]['~replyIn']]?: Named<S>[K]['~replyIn'][R] }
  | (K extends keyof Handlers<S> ? Handlers<S>[K] : never)

/** By message; what is left out is received, and answered where the contract names no reply. */
export type FakeAnswers<S extends ServiceShape> = { readonly [K in keyof Named<S>]?: FakeAnswer<S, K> }

export interface Received<Payload> {
  /** What the schema made of it. */
  readonly payload: Payload
  readonly key: string | undefined
  readonly message: Message
}

/** Stands in for a service: takes its messages, answers as told, publishes its events, and remembers what it received. */
export interface Fake<S extends ServiceShape> {
  /** Serves the contract on an app, as the real service would. Messages that the contract refuses never reach it. */
  serve(app: App, options?: ServeOptions): Promise<void>
  /** What came, in order: of one message, with its payload's type. */
  received<K extends keyof Named<S>>(name: K): readonly Received<Named<S>[K]['~out']>[]
  /** Publishes the service's events. Throws `CLOSED` before `serve`. */
  readonly publish: Publish<S>
}

/**
 * A fake of any contract, for tests of what uses it.
 *
 * ```ts
 * const kitchen = fake(Kitchen, { createTicket: { TicketCreated: { ticketId: 't-1' } } })
 * await kitchen.serve(app)
 * kitchen.received('createTicket')[0]?.payload.orderId
 * ```
 *
 * Its answers are validated by the contract like any service's. A message that needs an answer and was told none fails with
 * `NO_REPLY`. Throws `NOT_DECLARED` for an answer to something that the contract does not declare.
 */
export function fake<S extends ServiceShape>(contract: S, answers: FakeAnswers<S> = {}): Fake<S> {
  const declared: Readonly<Record<string, MessageData>> = { ...contract.commands, ...contract.documents, ...contract.queries }
  for (const name of Object.keys(answers)) {
    if (!Object.hasOwn(declared, name)) {
      throw new PabalError(
        'NOT_DECLARED',
        `fake(${contract.name}): it was told how to answer ${name}; the contract declares ${Object.keys(declared).join(', ')}`,
      )
    }
  }
  const log = new Map<string, Received<unknown>[]>()
  let publish: Publish<S> | undefined
  const handlers: Record<string, unknown> = {}
  for (const name of Object.keys(declared)) {
    const own: Received<unknown>[] = []
    log.set(name, own)
    const needed = declared[name]?.replies !== undefined
    const answer = answerOf(contract.name, name, (answers as Readonly<Record<string, unknown>>)[name], needed)
    handlers[name] = (context: Given) => {
      own.push({ payload: context.payload, key: context.key, message: context.message })
      return answer(context)
    }
  }
  return {
    serve: async (app, options) => {
      // a fake asks nobody: it needs no handlers for replies
      const alone = { ...contract, uses: {} }
      const handle = await app.serve(alone, handlers as never, options)
      publish = handle.publish as Publish<S>
    },
    received: (name) => (log.get(String(name)) ?? []) as never,
    get publish() {
      if (publish === undefined) throw new PabalError('CLOSED', `fake(${contract.name}) publishes nothing before serve(app)`)
      return publish
    },
  }
}

interface Given extends Received<unknown> {
  readonly reply?: Readonly<Record<string, (payload: unknown) => unknown>>
}

function answerOf(contract: string, name: string, answer: unknown, needed: boolean): (context: Given) => unknown {
  if (typeof answer === 'function') return answer as (context: Given) => unknown
  // notifications and documents: nothing to answer
  if (!needed) return () => undefined
  return ({ reply }) => {
    const [type, payload] = Object.entries((answer as Record<string, unknown>) ?? {})[0] ?? []
    const make = type === undefined ? undefined : reply?.[type]
    if (make === undefined) {
      const told = type === undefined ? 'was told no answer' : `was told to answer ${type}, which is not declared`
      throw new PabalError('NO_REPLY', `fake(${contract}) was asked ${name} and ${told}`)
    }
    return make(payload)
  }
}
