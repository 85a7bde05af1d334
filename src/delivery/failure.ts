import { isPabalError, PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'

/** The longest reason that travels beside a dead letter or lies in a parking note. */
const maxReason = 500

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it replaces
const unsafe = /[\u0000-\u001f\u007f]+|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** What was said, as one line that can travel in a header: never a stack. */
export function reasonOf(error: unknown): string {
  return oneLine(saidBy(error))
}

/** Any text as one line that can travel in a header, cut to a bound. */
export function oneLine(text: string): string {
  return text.slice(0, maxReason).replace(unsafe, ' ')
}

function saidBy(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error)
    const plain = error.name === 'Error' || error.name === 'PabalError'
    return plain ? error.message : `${error.name}: ${error.message}`
  } catch {
    return 'a value without text was thrown'
  }
}

/** What a handler threw, as an error of ours: its own where it is one. */
export function failureOf(error: unknown, message: Message, attempt: number): PabalError {
  if (isPabalError(error)) return error
  return new PabalError('HANDLER_FAILED', `The handler of ${message.type} ${message.id} failed at attempt ${attempt}: ${reasonOf(error)}`, {
    id: message.id,
    cause: error,
  })
}

/** Every attempt failed; the last one's error is the cause. */
export function spent(error: unknown, message: Message, attempts: number): PabalError {
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  return new PabalError('ATTEMPTS_SPENT', `${message.type} ${message.id} failed after ${times}; the last: ${reasonOf(error)}`, {
    id: message.id,
    cause: error,
  })
}

export function killed(message: Message, losses: number): PabalError {
  return new PabalError(
    'PROCESS_KILLED',
    `${message.type} ${message.id} was handed out ${losses} times and its process died each time; its handler is not run again`,
    {
      id: message.id,
    },
  )
}

export function unknownType(message: Message, channel: string, grace: number): PabalError {
  return new PabalError(
    'UNKNOWN_MESSAGE',
    `${message.type} ${message.id} on ${channel} is not known here, and no other version took it within ${grace} ms`,
    {
      id: message.id,
    },
  )
}
