import type { ErrorCode } from '../../errors.ts'
import type { MessageShape } from './message.ts'

/** What a send resolves to: the message is as safe as the transport declares. It is not an answer. */
export interface Accepted {
  /** The id under which the message travels, and under which it can be sent again. */
  readonly id: string
}

/** One reply. */
export interface OutcomeOf<Type, Payload> {
  /** The reply's name in the contract: narrows `payload`. */
  readonly type: Type
  readonly payload: Payload
  /** The service that replied. */
  readonly from: string
  /** The id of the reply message. */
  readonly id: string
  /** Whether the contract marks this reply as a failure in the business sense. */
  readonly failure: boolean
}

/** Every outcome of a command or query: `Outcome<Kitchen['commands']['createTicket']>`. A union that `type` discriminates. */
export type Outcome<M extends MessageShape> = {
  readonly [Type in keyof M['~replyOut']]: OutcomeOf<Type, M['~replyOut'][Type]>
}[keyof M['~replyOut']]

/**
 * The answers of many, as they come. Not a promise: iterate it, or ask for the `result`. Ends by count, quorum, predicate or
 * deadline; a deadline is an ordinary end, not an error.
 */
export interface Gathering<Answer> extends AsyncIterable<Answer> {
  /** All answers, when gathering has ended. Whoever iterates may ask for it too. */
  result(): Promise<Gathered<Answer>>
}

export interface Gathered<Answer> {
  /** In the order in which they came. */
  readonly replies: readonly Answer[]
  /** Responders that could not answer, and why. */
  readonly failed: readonly { readonly from: string; readonly code: ErrorCode }[]
  /** The expected responders that did not answer, where it is known whom to expect. */
  readonly missing?: readonly string[] | undefined
  /** What ended it; `all`: every expected responder answered; `nobody`: there was none. */
  readonly ended: 'count' | 'quorum' | 'predicate' | 'deadline' | 'all' | 'nobody'
}
