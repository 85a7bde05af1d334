import { type ErrorCode, PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import { Arrivals } from './arrivals.ts'
import { type Dated, nowhere } from './deadlines.ts'
import type { ReplyInbox, Waiting } from './inbox.ts'
import type { Origin } from './origin.ts'
import type { Outbound } from './outbound.ts'
import type { Port, SendFields } from './port.ts'
import { errorReplyType } from './reply.ts'
import { type Answer, answerOf, remoteCode } from './request.ts'
import { isPromise } from './validate.ts'

export type Until = { readonly count: number } | { readonly quorum: number } | { readonly when: (replies: readonly Answer[]) => boolean }

export interface GatherFields {
  readonly within: number
  readonly until?: Until | undefined
  readonly expected?: readonly string[] | undefined
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface GatherResult {
  readonly replies: readonly Answer[]
  /** Responders that answered that they could not answer. */
  readonly failed: readonly { readonly from: string; readonly code: ErrorCode }[]
  readonly missing?: readonly string[] | undefined
  readonly ended: Ending
}

/** `all`: every expected responder answered; `nobody`: there was none. */
export type Ending = 'count' | 'quorum' | 'predicate' | 'deadline' | 'all' | 'nobody'

/** The answers that one gathering holds at most; further ones are dropped. */
const maxAnswers = 100_000

/**
 * Publish/asynchronous responses: one question to every serving group, and their answers as they come. Sent when it is made;
 * nothing is left behind when it has ended, was broken out of, or was never looked at (then at its deadline).
 */
export class Gather implements Waiting, AsyncIterable<Answer> {
  correlation = ''
  deadline = 0
  slot = nowhere
  sooner: Dated | undefined = undefined
  later: Dated | undefined = undefined
  readonly #outbound: Outbound
  readonly #inbox: ReplyInbox
  readonly #port: Port
  readonly #fields: GatherFields
  readonly #arrivals = new Arrivals<Answer>()
  readonly #failed: { from: string; code: ErrorCode }[] = []
  /** Whoever answered, so that a second answer is dropped. */
  readonly #seen = new Set<string>()
  #answered = 0
  #expected: ReadonlySet<string> | undefined
  #ended: Ending | undefined
  #abort: (() => void) | undefined

  constructor(outbound: Outbound, inbox: ReplyInbox, port: Port, payload: unknown, fields: GatherFields, origin: Origin) {
    this.#outbound = outbound
    this.#inbox = inbox
    this.#port = port
    this.#fields = fields
    if (fields.expected !== undefined) this.#expected = new Set(fields.expected)
    this.#start(payload, origin).catch((error: unknown) => this.#fail(error))
  }

  [Symbol.asyncIterator](): AsyncIterator<Answer> {
    return this.#arrivals.iterate(() => this.#end('predicate'))
  }

  async result(): Promise<GatherResult> {
    await this.#arrivals.finished()
    const missing = this.#expected === undefined ? undefined : [...this.#expected].filter((name) => !this.#seen.has(name))
    return { replies: this.#arrivals.items, failed: this.#failed, missing, ended: this.#ended ?? 'deadline' }
  }

  replied(message: Message): void {
    if (this.#seen.has(message.source) || this.#seen.size >= maxAnswers) return
    this.#seen.add(message.source)
    if (message.type === errorReplyType) this.#refused(message.source, remoteCode(message.extensions.errorcode))
    else this.#read(message)
  }

  expired(): void {
    this.#end('deadline')
  }

  closed(): void {
    this.#fail(new PabalError('CLOSED', `${this.#port.label}: the app was closed while answers were gathered`, { id: this.correlation }))
  }

  async #start(payload: unknown, origin: Origin): Promise<void> {
    const { runtime, transport, capabilities } = this.#outbound
    const port = this.#port
    const { signal } = this.#fields
    const within = Math.min(this.#fields.within, origin.allowance() ?? Number.POSITIVE_INFINITY)
    const now = runtime.now()
    const id = this.#fields.id ?? origin.nextId(port.channel, port.data.type, now)
    if (isAborted(signal)) throw this.#cancelled(id)
    if (within <= 0) return this.#end('deadline')
    // Encoded before anything is awaited: the caller may change the payload afterwards.
    const fields = (replyTo: string): SendFields => ({ id, headers: this.#fields.headers, within, replyTo })
    const made = port.make(origin, now, payload, fields('inbox.pending'), true)
    if (isPromise(made)) made.catch(() => undefined)
    this.deadline = runtime.monotonic() + within
    const [address, receivers] = await Promise.all([
      this.#inbox.address(),
      this.#expected === undefined && capabilities.knowsReceivers && transport.receivers !== undefined
        ? this.#outbound.provision([port.channel]).then(() => transport.receivers?.(port.channel))
        : undefined,
    ])
    if (receivers !== undefined) this.#expected = new Set(receivers)
    const outgoing = await made
    this.correlation = this.#inbox.has(id) ? `${id}:${this.deadline}:${this.#inbox.size}` : id
    const addressed: Outgoing = { ...outgoing, message: { ...outgoing.message, replyTo: address, correlationId: this.correlation } }
    this.#outbound.check(addressed)
    if (isAborted(signal)) throw this.#cancelled(id)
    if (this.#ended !== undefined) return
    this.#inbox.add(this)
    if (signal !== undefined) {
      this.#abort = () => this.#fail(this.#cancelled(id))
      signal.addEventListener('abort', this.#abort, { once: true })
    }
    const result = await this.#outbound.send(port.channel, addressed, { sent: (result) => result })
    if (result === 'no-receiver') this.#end('nobody')
    else if (result !== 'sent') throw result
  }

  #read(message: Message): void {
    const invalid = (): void => this.#refused(message.source, 'INVALID_MESSAGE')
    try {
      const answer = answerOf(this.#port, message)
      if (isPromise(answer)) answer.then(this.#accept, invalid)
      else this.#accept(answer)
    } catch {
      invalid()
    }
  }

  readonly #accept = (answer: Answer): void => {
    if (this.#ended !== undefined) return
    this.#answered++
    this.#arrivals.add(answer)
    let ending: Ending | undefined
    try {
      ending = this.#endingOf(this.#arrivals.items)
    } catch (error) {
      this.#fail(error)
    }
    if (ending === undefined) this.#all()
    else this.#end(ending)
  }

  #endingOf(answers: readonly Answer[]): Ending | undefined {
    const { until } = this.#fields
    if (until === undefined) return undefined
    if ('count' in until) return answers.length >= until.count ? 'count' : undefined
    if ('quorum' in until) return this.#quorum(answers) >= until.quorum ? 'quorum' : undefined
    return until.when(answers) ? 'predicate' : undefined
  }

  #refused(from: string, code: ErrorCode): void {
    if (this.#ended !== undefined) return
    this.#answered++
    this.#failed.push({ from, code })
    this.#all()
  }

  /** Answers of those who were expected; of anybody where nobody knows whom to expect. */
  #quorum(answers: readonly Answer[]): number {
    const expected = this.#expected
    return expected === undefined ? answers.length : answers.filter((answer) => expected.has(answer.from)).length
  }

  #all(): void {
    const expected = this.#expected
    // `#answered` lags behind `#seen` while an answer is still being decoded.
    if (expected === undefined || this.#answered < this.#seen.size || this.#seen.size < expected.size) return
    for (const name of expected) if (!this.#seen.has(name)) return
    this.#end('all')
  }

  #end(ending: Ending): void {
    if (this.#ended !== undefined) return
    this.#ended = ending
    this.#leave()
    this.#arrivals.finish()
  }

  #fail(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = 'deadline'
    this.#leave()
    this.#arrivals.finish(error)
  }

  #leave(): void {
    this.#inbox.remove(this)
    if (this.#abort !== undefined) this.#fields.signal?.removeEventListener('abort', this.#abort)
  }

  #cancelled(id: string): PabalError {
    return new PabalError('CANCELLED', `${this.#port.label}: the caller's signal was aborted; further answers will be dropped`, { id })
  }
}

/** Read anew each time: it may have been aborted while something was awaited. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
