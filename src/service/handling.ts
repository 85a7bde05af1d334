import type { Channel } from '../channel/channel.ts'
import type { Accepted } from '../contract/types/outcome.ts'
import type { HandleContext } from '../delivery/types.ts'
import { PabalError } from '../errors.ts'
import { conversationOf, type Origin, traceOf, withinOf } from '../interaction/origin.ts'
import { deriveId } from '../message/derive.ts'
import type { Message } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import type { Core } from './core.ts'
import { type Speaker, sendNow } from './speaker.ts'

/** How much one handler may say; it is all held until it ends. */
const maxKept = 100_000
const maxKeptBytes = 256 * 1024 * 1024

const nothing: readonly Outgoing[] = Object.freeze([])

/**
 * The handling of one delivery: what its handler says is kept and leaves with the acknowledgement. Ids are derived from the
 * delivery, so that a handler which runs twice sends the same ids twice. Nothing is made that the handler does not use.
 */
export class Handling implements Speaker, Origin {
  readonly core: Core
  readonly source: string
  readonly message: Message
  readonly delivered: HandleContext
  readonly #within: number | undefined
  #deadline: number | undefined = undefined
  #kept: (Outgoing | undefined)[] | undefined = undefined
  #unfinished: Promise<unknown>[] | undefined = undefined
  #counts: Map<string, number> | undefined = undefined
  #bytes = 0
  #ended = false

  constructor(core: Core, source: string, delivered: HandleContext) {
    this.core = core
    this.source = source
    this.delivered = delivered
    this.message = delivered.delivery.message
    this.#within = withinOf(this.message)
  }

  get origin(): Origin {
    return this
  }

  get conversation(): string {
    return conversationOf(this.message)
  }

  get cause(): string {
    return this.message.id
  }

  get inherited(): Readonly<Record<string, string>> | undefined {
    return traceOf(this.message)
  }

  /**
   * When the caller stops waiting, on the monotonic clock; undefined where it does not say. Asked for first before anything is
   * waited for, so that the time of arrival is that: most handlers are done by then, and the clock is not read for them.
   */
  get deadline(): number | undefined {
    if (this.#within !== undefined) this.#deadline ??= this.delivered.arrived + this.#within
    return this.#deadline
  }

  /** Milliseconds left of the deadline that came with the message; undefined where none did. */
  remaining(): number | undefined {
    const { deadline } = this
    return deadline === undefined ? undefined : Math.max(0, deadline - this.core.runtime.monotonic())
  }

  /**
   * A question inside a handler waits no longer than the handler's own asker. A command is carried out although its asker
   * has gone: then what it asks has the time that it says itself, or it could never succeed.
   */
  allowance(): number | undefined {
    const remaining = this.remaining()
    return remaining === 0 && this.message.kind !== 'query' ? undefined : remaining
  }

  nextId(channel: Channel, type: string): string {
    this.#counts ??= new Map()
    const name = `${channel.address}\n${type}`
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    return deriveId(this.message.id, this.source, channel.address, type, String(count))
  }

  assertMaySpeak(what: string): void {
    if (this.#ended)
      throw new PabalError(
        'HANDLER_ENDED',
        `${what}: the handler of ${this.message.type} ${this.message.id} has ended, and what it sends left with it; nothing was sent`,
        { id: this.message.id },
      )
  }

  refuse(error: unknown): Promise<never> {
    // A handler that has ended cannot fail any more: whoever says something late gets it where it can be caught.
    if (this.#ended) return Promise.reject(error)
    throw error
  }

  say(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, immediate: boolean): Promise<Accepted> {
    if (immediate) return sendNow(this.core, channel, outgoing)
    this.#kept ??= []
    const kept = this.#kept
    if (kept.length >= maxKept) throw this.#overloaded()
    if (!(outgoing instanceof Promise)) {
      this.#weigh(outgoing)
      kept.push(outgoing)
      return Promise.resolve({ id: outgoing.message.id })
    }
    // Keeps its place while an asynchronous schema looks at it. Where that refuses, the handler fails even if nobody awaits.
    const place = kept.push(undefined) - 1
    const said = outgoing.then((made) => {
      this.#weigh(made)
      kept[place] = made
      return { id: made.message.id }
    })
    said.catch(() => undefined)
    this.#unfinished ??= []
    this.#unfinished.push(said)
    return said
  }

  keep(outgoing: Outgoing): void {
    // Most say nothing else: the first push to an empty list makes room for seventeen.
    if (this.#kept === undefined) this.#kept = [outgoing]
    else this.#kept.push(outgoing)
  }

  #weigh({ message }: Outgoing): void {
    this.#bytes += message.body.byteLength
    if (this.#bytes > maxKeptBytes) throw this.#overloaded()
  }

  #overloaded(): PabalError {
    const { type, id } = this.message
    return new PabalError(
      'OVERLOADED',
      `the handler of ${type} ${id} sends more than ${maxKept} messages or ${maxKeptBytes} bytes with one acknowledgement`,
      {
        id,
        hint: 'Send in several steps, or with `immediate`.',
      },
    )
  }

  /** Ends it: nothing may be said any more. What was said, or a promise of it where a schema is still looking. */
  end(): readonly Outgoing[] | Promise<readonly Outgoing[]> {
    this.#ended = true
    if (this.#unfinished !== undefined) return Promise.all(this.#unfinished).then(() => this.#kept as readonly Outgoing[])
    return (this.#kept as readonly Outgoing[] | undefined) ?? nothing
  }

  /** Ends it after a failure: what was kept is not sent. */
  abandon(): void {
    this.#ended = true
  }
}
