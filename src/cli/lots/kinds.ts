import type { LotName } from './places.ts'

/** What waits for a person, and how it is called. */
export interface Kind {
  readonly name: LotName
  readonly one: string
  readonly many: string
  readonly summary: string
  readonly about: string
}

export const deadLetters: Kind = {
  name: 'dead-letters',
  one: 'dead letter',
  many: 'dead letters',
  summary: 'Messages whose attempts are spent: look at them, mend them, have them handled again.',
  about:
    'A message that a handler failed to handle so often as its policy allows is put aside with the reason, and the rest of its key goes on. A redriven one goes back to the group that failed at it and to nobody else, in order among the redriven ones of its key.',
}

export const invalidMessages: Kind = {
  name: 'invalid-messages',
  one: 'invalid message',
  many: 'invalid messages',
  summary: 'Messages that could not be decoded, do not fit their schema, or are known to nobody.',
  about: 'Trying them again as they are rarely helps: mend the sender or the contract first, or edit them.',
}

export const parkedMessages: Kind = {
  name: 'parked',
  one: 'parked message',
  many: 'parked messages',
  summary: 'Keys that wait: a failed message and its followers, moved out of the way of other keys.',
  about:
    "The head of each key waits for its next attempt, or for a person; the others of its key follow it. Only heads are listed by their own; followers go on in order when their head is redriven, skipped or discarded. What is asked for is carried out by the member that owns the key's shard: at once where the service runs, else when it starts.",
}
