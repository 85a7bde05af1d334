import { replyChannel } from '../channel/names.ts'
import type { UseData } from '../contract/data.ts'
import type { Accepted } from '../contract/types/outcome.ts'
import { PabalError } from '../errors.ts'
import { Gather, type GatherFields } from '../interaction/gather.ts'
import { Port, type SendFields } from '../interaction/port.ts'
import { type Answer, request } from '../interaction/request.ts'
import { type Check, checkOf, textOf } from '../interaction/validate.ts'
import { writeJson } from '../message/content.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { Outgoing } from '../transport/seam.ts'
import type { Speaker } from './speaker.ts'

/** Every option that a send may have; which of them a person may write is said by the types. */
export interface CallOptions {
  readonly id?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly key?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly within?: Duration | undefined
  readonly immediate?: boolean | undefined
  readonly after?: Duration | undefined
  readonly at?: Date | number | undefined
  readonly context?: unknown
  readonly until?: GatherFields['until']
  readonly expected?: readonly string[] | undefined
}

const noOptions: CallOptions = Object.freeze({})
const names: Readonly<Record<keyof CallOptions, true>> = {
  id: true,
  headers: true,
  key: true,
  signal: true,
  within: true,
  immediate: true,
  after: true,
  at: true,
  context: true,
  until: true,
  expected: true,
}

/** A misspelt option would be ignored in silence, and the default taken. Which of them fits the call is said by the types. */
function checkNames(port: Port, options: CallOptions): void {
  if (options === noOptions) return
  for (const name in options)
    if (!Object.hasOwn(names, name))
      throw new PabalError(
        'UNKNOWN_OPTION',
        `${port.label}: there is no option ${JSON.stringify(name)}; there are ${Object.keys(names).join(', ')}`,
      )
}

/** Request/response. */
export function ask(speaker: Speaker, port: Port, within: number, payload: unknown, options: CallOptions = noOptions): Promise<Answer> {
  try {
    speaker.assertMaySpeak(port.label)
    checkNames(port, options)
    const wait = options.within === undefined ? within : milliseconds(options.within, `${port.label}: the option within`)
    const { outbound, inbox } = speaker.core
    return request(outbound, inbox, port, payload, wait, options, speaker.origin)
  } catch (error) {
    return Promise.reject(error)
  }
}

/** Publish/asynchronous responses. */
export function gather(speaker: Speaker, port: Port, within: number, payload: unknown, options: CallOptions = noOptions): Gather {
  speaker.assertMaySpeak(port.label)
  checkNames(port, options)
  const wait = options.within === undefined ? within : milliseconds(options.within, `${port.label}: the option within`)
  const { outbound, inbox } = speaker.core
  return new Gather(
    outbound,
    inbox,
    port,
    payload,
    { within: wait, until: options.until, expected: options.expected, id: options.id, headers: options.headers, signal: options.signal },
    speaker.origin,
  )
}

/** One way: notifications, documents, events, and commands whose reply nobody waits for. */
export function tell(
  speaker: Speaker,
  port: Port,
  payload: unknown,
  options: CallOptions = noOptions,
  key?: string,
  wish?: ReplyWish,
): Promise<Accepted> {
  try {
    return saying(speaker, port, payload, options, key, wish)
  } catch (error) {
    return speaker.refuse(error)
  }
}

function saying(
  speaker: Speaker,
  port: Port,
  payload: unknown,
  options: CallOptions,
  key: string | undefined,
  wish: ReplyWish | undefined,
): Promise<Accepted> {
  speaker.assertMaySpeak(port.label)
  checkNames(port, options)
  if (options.signal?.aborted === true)
    throw new PabalError('CANCELLED', `${port.label}: the caller's signal was aborted; nothing was sent`)
  const { core, origin } = speaker
  const now = core.runtime.now()
  const notBefore = options.after === undefined && options.at === undefined ? undefined : dueAt(port, options, now)
  const extensions = wish?.extensions
  const fields: SendFields = {
    id: options.id,
    headers: options.headers,
    key: key ?? options.key,
    notBefore,
    within: undefined,
    replyTo: wish?.replyTo,
    extensions: extensions instanceof Promise ? undefined : extensions,
  }
  const made =
    extensions instanceof Promise
      ? extensions.then((known) => port.make(origin, now, payload, { ...fields, extensions: known }, true))
      : port.make(origin, now, payload, fields, wish !== undefined)
  if (!(made instanceof Promise)) core.outbound.check(made, options.id === undefined)
  return speaker.say(port.channel, made instanceof Promise ? made.then(checked(speaker)) : made, options.immediate === true)
}

const checked =
  (speaker: Speaker) =>
  (outgoing: Outgoing): Outgoing => {
    speaker.core.outbound.check(outgoing)
    return outgoing
  }

/** Where the reply to a command goes, and what comes back with it. */
export interface ReplyWish {
  readonly replyTo: string
  readonly extensions: Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
}

/** One of a service's `uses`, as its callers need it: made once when the service starts. */
export class UsePort extends Port {
  readonly #use: string
  readonly #replyTo: string
  readonly #context: Check | undefined

  constructor(use: string, data: UseData, as: string) {
    super(data.message)
    this.#use = use
    this.#replyTo = replyChannel(as).address
    this.#context = data.context === undefined ? undefined : checkOf(data.context, `${this.label}.send`, 'context', 'INVALID_PAYLOAD')
  }

  /** The reply goes to this service's durable reply channel and brings `context` back. */
  wish(context: unknown): ReplyWish {
    const checked = this.#context?.(context)
    const replyuse = this.#use
    if (this.#context === undefined) return { replyTo: this.#replyTo, extensions: { replyuse } }
    // What was given travels, not what the schema made of it: the receiver runs the schema again.
    const extensions = { replyuse, replycontext: this.#written(context) }
    return { replyTo: this.#replyTo, extensions: checked instanceof Promise ? checked.then(() => extensions) : extensions }
  }

  #written(context: unknown): string {
    try {
      return writeJson(context, 'context')
    } catch (error) {
      throw new PabalError('INVALID_PAYLOAD', `${this.label}.send: ${textOf(error)}`, { cause: error })
    }
  }
}

function dueAt(port: Port, { after, at }: CallOptions, now: number): number {
  if (after !== undefined && at !== undefined)
    throw new PabalError('INVALID_OPTION', `${port.label}: both "after" and "at" were given, give one`)
  if (after !== undefined) return now + milliseconds(after, `${port.label}: the option after`)
  const time = Number(at)
  if (!Number.isFinite(time))
    throw new PabalError('INVALID_OPTION', `${port.label}: the option at is ${String(at)}, give a Date or milliseconds since 1970`)
  return time
}
