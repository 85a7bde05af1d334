import type { Channel } from '../channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../channel/names.ts'
import type { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Outgoing } from '../transport/seam.ts'
import { oneLine } from './failure.ts'

/** What is known of a message that ends unhandled. Times are milliseconds since 1970. */
export interface EndFacts {
  readonly channel: Channel
  readonly group: string | undefined
  readonly attempts: number
  readonly first: number
  readonly last: number
}

/** The extensions that a dead letter or an invalid message has beside the original's. Times are ISO 8601. */
export const deadExtensions = ['deadreason', 'deadcode', 'deadchannel', 'deadgroup', 'deadattempts', 'deadfirst', 'deadlast'] as const

/** The dead letter of a message: the same id, attributes, headers and body to the byte, and why it is there. */
export function deadLetter(message: Message, error: PabalError, facts: EndFacts): Outgoing {
  return { channel: deadLetterChannel(facts.channel, facts.group), message: marked(message, error, facts), durable: true }
}

/** The same for a message that cannot be read. */
export function invalidMessage(message: Message, error: PabalError, facts: EndFacts): Outgoing {
  return { channel: invalidMessageChannel(facts.channel, facts.group), message: marked(message, error, facts), durable: true }
}

function marked(message: Message, error: PabalError, facts: EndFacts): Message {
  const extensions: Record<string, string> = {
    ...message.extensions,
    deadreason: oneLine(error.message),
    deadcode: error.code,
    deadchannel: facts.channel.address,
    deadattempts: String(facts.attempts),
    deadfirst: new Date(facts.first).toISOString(),
    deadlast: new Date(facts.last).toISOString(),
  }
  if (facts.group === undefined) delete extensions.deadgroup
  else extensions.deadgroup = facts.group
  return { ...message, extensions }
}

/** The message as it was before it became a dead letter. */
export function restored(message: Message): Message {
  const extensions = { ...message.extensions }
  for (const name of deadExtensions) delete extensions[name]
  return { ...message, extensions }
}
