import type { MessageData } from '../contract/data.ts'
import type { HandleContext, Route } from '../delivery/types.ts'
import { PabalError } from '../errors.ts'
import { labelOf, MessageCodec } from '../interaction/codec.ts'
import { withinOf } from '../interaction/origin.ts'
import { type ReplyPort, replyPorts } from '../interaction/port.ts'
import { checkReplyAddress, makeReply, type ReplyValue } from '../interaction/reply.ts'
import { type Check, checkOf, isPromise, textOf } from '../interaction/validate.ts'
import { readJson } from '../message/content.ts'
import type { Message } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import { Context } from './context.ts'
import type { Core } from './core.ts'
import { Handling } from './handling.ts'
import { compose, type Middleware, type Run } from './middleware.ts'
import type { Voice } from './voice.ts'

export type Handler = (context: never) => unknown

/** What every route of one participant shares. */
export interface Participant {
  readonly core: Core
  /** The consumer group, and the source of what is sent. */
  readonly as: string
  readonly voice: Voice
  readonly middleware: readonly Middleware[]
}

const noMakers = Object.freeze(Object.create(null))

/** A handler behind the delivery engine: decodes for it, runs it, gathers what it said. Everything is resolved when it is made. */
export abstract class HandlerRoute implements Route {
  readonly label: string
  readonly voice: Voice
  /** What `reply` is in the handler's context. */
  readonly makers: object = noMakers
  protected readonly core: Core
  protected readonly as: string
  protected readonly run: Run<Context>

  constructor(participant: Participant, label: string, handler: Handler) {
    this.core = participant.core
    this.as = participant.as
    this.voice = participant.voice
    this.label = label
    this.run = compose(participant.middleware, handler as Run<Context>)
  }

  abstract decode(message: Message): unknown

  /** From what `decode` gave: asynchronous replies decode to more than the payload. */
  payloadOf(decoded: unknown): unknown {
    return decoded
  }

  contextOf(_decoded: unknown): unknown {
    return undefined
  }

  handle(decoded: unknown, delivered: HandleContext): readonly Outgoing[] | Promise<readonly Outgoing[]> {
    const handling = new Handling(this.core, this.as, delivered)
    try {
      const returned = this.run(new Context(handling, this, decoded))
      if (isPromise(returned)) return this.#later(handling, returned)
      const finished = this.finish(handling, returned)
      if (finished instanceof Promise) return this.#later(handling, finished, true)
      return handling.end()
    } catch (error) {
      handling.abandon()
      throw error
    }
  }

  /** The same where something has to be waited for; `finished`: only what was made of the return value. */
  async #later(handling: Handling, pending: Promise<unknown>, finished = false): Promise<readonly Outgoing[]> {
    void handling.deadline
    try {
      const value = await pending
      if (!finished) await this.finish(handling, value)
      return await handling.end()
    } catch (error) {
      handling.abandon()
      throw error
    }
  }

  /** What is done with what the handler returned. */
  protected finish(_handling: Handling, _returned: unknown): void | Promise<void> {}
}

/** Notifications, documents and events: whatever the handler returns is not looked at. */
export class OneWayRoute extends HandlerRoute {
  protected readonly codec: MessageCodec

  constructor(participant: Participant, data: MessageData, handler: Handler) {
    super(participant, labelOf(data), handler)
    this.codec = new MessageCodec(data)
  }

  /** False for a version from the future: another instance may know it. */
  knows(message: Message): boolean {
    return this.codec.knows(message.version)
  }

  decode(message: Message): unknown {
    return this.codec.decode(message)
  }
}

/** Commands: the handler returns one of the declared replies, which leaves with the acknowledgement. */
export class ReplyingRoute extends OneWayRoute {
  readonly #replies: ReadonlyMap<string, ReplyPort>
  override readonly makers: object

  constructor(participant: Participant, data: MessageData, handler: Handler) {
    super(participant, data, handler)
    this.#replies = replyPorts(data)
    const makers: Record<string, unknown> = Object.create(null)
    for (const type of this.#replies.keys())
      makers[type] = (payload: unknown, options?: { readonly headers?: ReplyValue['headers'] }): ReplyValue => ({
        type,
        payload,
        headers: options?.headers,
      })
    this.makers = Object.freeze(makers)
  }

  override decode(message: Message): unknown {
    checkReplyAddress(message, this.label)
    return this.codec.decode(message)
  }

  protected override finish(handling: Handling, returned: unknown): void | Promise<void> {
    const { message } = handling
    if (typeof returned !== 'object' || returned === null)
      throw new PabalError(
        'NO_REPLY',
        `${this.label}: the handler returned ${returned === null ? 'null' : typeof returned}, and the contract names replies: ${this.#names()}`,
        { id: message.id },
      )
    const value = returned as ReplyValue
    const port = this.#replies.get(value.type)
    if (port === undefined)
      throw new PabalError(
        'NOT_DECLARED',
        `${this.label}: the handler returned ${JSON.stringify(value.type) ?? 'something without a type'}, and the contract names only ${this.#names()}`,
        { id: message.id },
      )
    const { runtime } = this.core
    if (runtime.point !== undefined) return this.#pausing(handling, port, value)
    return this.#reply(handling, port, value)
  }

  async #pausing(handling: Handling, port: ReplyPort, value: ReplyValue): Promise<void> {
    await this.core.runtime.point?.('reply.before')
    await this.#reply(handling, port, value)
  }

  #reply(handling: Handling, port: ReplyPort, value: ReplyValue): void | Promise<void> {
    const { message } = handling
    // Validated also where nobody asked for it: a handler that answers wrongly should not depend on who listens.
    if (message.replyTo === undefined) {
      const encoded = port.encode(value.payload)
      return encoded instanceof Promise ? encoded.then(() => undefined) : undefined
    }
    const made = makeReply(message, this.as, port, value, this.core.runtime.now())
    return made instanceof Promise ? made.then((reply) => this.#keep(handling, reply)) : this.#keep(handling, made)
  }

  /** Its ids follow from those of the request, which have travelled. */
  #keep(handling: Handling, reply: Outgoing): void {
    this.core.outbound.check(reply, true)
    handling.keep(reply)
  }

  #names(): string {
    return [...this.#replies.keys()].join(', ')
  }
}

/** Queries are transient and change nothing: a question whose asker has stopped waiting is dropped and counted. */
export class QueryRoute extends ReplyingRoute {
  override handle(decoded: unknown, delivered: HandleContext): readonly Outgoing[] | Promise<readonly Outgoing[]> {
    const within = withinOf(delivered.delivery.message)
    if (within === undefined || this.#inTime(delivered, within)) return super.handle(decoded, delivered)
    this.core.counters.expired++
    return []
  }

  #inTime(delivered: HandleContext, within: number): boolean {
    return delivered.waited ? delivered.arrived + within > this.core.runtime.monotonic() : within > 0
  }
}

/** An asynchronous reply with the context that was sent along. */
interface Replied {
  readonly payload: unknown
  readonly context: unknown
}

/** Replies to what this service sent with `call.….send`: by use, then by reply name. */
export class ReplyRoute extends HandlerRoute {
  readonly #reply: ReplyPort
  readonly #context: Check | undefined

  constructor(
    participant: Participant,
    use: string,
    reply: ReplyPort,
    context: Parameters<typeof checkOf>[0] | undefined,
    handler: Handler,
  ) {
    super(participant, `replies.${use}.${reply.name}`, handler)
    this.#reply = reply
    this.#context = context === undefined ? undefined : checkOf(context, this.label, 'context', 'INVALID_MESSAGE')
  }

  decode(message: Message): unknown {
    const payload = this.#reply.decode(message)
    const context = this.#contextIn(message)
    if (payload instanceof Promise || context instanceof Promise)
      return Promise.all([payload, context]).then(([one, other]): Replied => ({ payload: one, context: other }))
    return { payload, context } satisfies Replied
  }

  override payloadOf(decoded: unknown): unknown {
    return (decoded as Replied).payload
  }

  override contextOf(decoded: unknown): unknown {
    return (decoded as Replied).context
  }

  #contextIn(message: Message): unknown {
    if (this.#context === undefined) return undefined
    const text = message.extensions.replycontext
    if (text === undefined)
      throw new PabalError('INVALID_MESSAGE', `${this.label}: the reply did not bring back the context that was sent`, { id: message.id })
    let value: unknown
    try {
      value = readJson(text, 'context that came back')
    } catch (error) {
      throw new PabalError('INVALID_MESSAGE', `${this.label}: ${textOf(error)}`, { id: message.id, cause: error })
    }
    return this.#context(value)
  }
}
