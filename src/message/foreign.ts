import type { Message } from './message.ts'

/*
 * A message that somebody sent with another client and without the attributes that every CloudEvent has. It becomes a
 * document of a type that no contract can declare, with its own headers and body, and with the extension that says why.
 */

/** The type of a foreign message. The colon keeps it from ever being the name of a declared message. */
export const foreignType = 'pabal:foreign'

/** The extension that marks a foreign message; its value says what it lacks. */
export const foreignMark = 'foreign'

/** What a foreign message lacks, as a clause such as `it has no CloudEvents attribute "id"`; undefined where the message is none. */
export function foreignReason(message: Message): string | undefined {
  return message.type === foreignType ? (message.extensions[foreignMark] ?? 'it has no CloudEvents attributes') : undefined
}
