/**
 * The one table of error codes. Every error that Pabal throws, rejects with or writes beside a dead letter has a code
 * from here; `docs/reference/errors.md` lists the same codes, and a test compares the two.
 */
interface Row {
  /** Trying the same again, unchanged, may succeed. */
  readonly retryable: boolean
  /** What it means, in one sentence. */
  readonly meaning: string
  /** What a person should do. */
  readonly hint: string
}

export const errorTable = {
  // configuration and start
  INVALID_CONTRACT: { retryable: false, meaning: 'A contract contradicts itself.', hint: 'Correct every fault listed in the message.' },
  INVALID_CONFIGURATION: {
    retryable: false,
    meaning: 'Services, handlers or options do not fit together.',
    hint: 'Correct every fault listed in the message.',
  },
  UNKNOWN_TRANSPORT: {
    retryable: false,
    meaning: 'No transport answers to this URL scheme.',
    hint: 'Use one of the schemes named in the message, or pass a transport object.',
  },
  UNKNOWN_OPTION: {
    retryable: false,
    meaning: 'An option is not known.',
    hint: 'Check the spelling against the options named in the message.',
  },
  INVALID_OPTION: {
    retryable: false,
    meaning: 'An option has a value that cannot be used.',
    hint: 'See what was given and what is accepted in the message.',
  },
  DRIVER_MISSING: {
    retryable: false,
    meaning: "The transport's driver package is not installed.",
    hint: 'Run the install command in the message.',
  },
  UNSUPPORTED: {
    retryable: false,
    meaning: 'The transport does not declare what was asked of it.',
    hint: 'Choose a transport that declares the capability, or ask for less.',
  },
  HANDLER_MISSING: {
    retryable: false,
    meaning: 'The contract declares something that nobody handles.',
    hint: 'Add the handler, or remove the declaration.',
  },
  HANDLER_UNKNOWN: {
    retryable: false,
    meaning: 'A handler was given for something that the contract does not declare.',
    hint: 'Declare it, or correct the name.',
  },
  HANDLER_DUPLICATE: { retryable: false, meaning: 'Two handlers were given for one message.', hint: 'Keep one of them.' },
  OWNER_DUPLICATE: {
    retryable: false,
    meaning: 'Two services own the same aggregate or channel.',
    hint: 'Rename one, or let one service own it and the other subscribe.',
  },
  INBOX_REQUIRED: {
    retryable: false,
    meaning: 'Effectively-once processing was asked for without an inbox.',
    hint: 'Make handlers idempotent, or wait for the inbox.',
  },
  UNKNOWN_CHANNEL: {
    retryable: false,
    meaning: 'There is no such channel, or it has no such group.',
    hint: 'Choose one of those named in the message; a channel is there once its service was started.',
  },
  // sending
  INVALID_PAYLOAD: {
    retryable: false,
    meaning: 'A payload does not fit the schema of its message; nothing was sent.',
    hint: 'Correct the fields named in the message.',
  },
  INVALID_HEADER: {
    retryable: false,
    meaning: 'A header name or value cannot travel; nothing was sent.',
    hint: 'Use printable names and values without control characters.',
  },
  INVALID_KEY: {
    retryable: false,
    meaning: 'The key of a message is missing or not a string; nothing was sent.',
    hint: 'Fill the key field named in the message.',
  },
  INVALID_REPLY_ADDRESS: {
    retryable: false,
    meaning: 'A reply address lies outside the reply namespace.',
    hint: 'Replies go only to addresses that begin with "reply." or "inbox.".',
  },
  MESSAGE_TOO_LARGE: {
    retryable: false,
    meaning: 'A message is larger than the transport carries; nothing was sent.',
    hint: 'Send a reference to the data, or raise the limit where the transport allows it.',
  },
  NOT_DECLARED: {
    retryable: false,
    meaning: 'The contract does not declare this message, reply or event.',
    hint: 'Declare it in the contract that owns it.',
  },
  SEND_FAILED: { retryable: true, meaning: 'The transport could not take the message.', hint: 'Send it again with the same id.' },
  OVERLOADED: { retryable: true, meaning: 'A bounded queue is full.', hint: 'Send more slowly, or add consumers.' },
  // requests
  TIMEOUT: {
    retryable: true,
    meaning: 'No reply came within the deadline; the question was transient and changed nothing.',
    hint: 'Ask again, or allow more time.',
  },
  OUTCOME_UNKNOWN: {
    retryable: true,
    meaning: 'No reply came within the deadline; the command is stored and may still be carried out.',
    hint: 'Send it again with the id in the error: the handler will see the same id.',
  },
  NO_RESPONDER: { retryable: true, meaning: 'Nobody is there to answer.', hint: 'Start the service that serves this contract.' },
  CANCELLED: { retryable: false, meaning: 'The caller gave up waiting.', hint: 'Nothing to do.' },
  REMOTE_ERROR: {
    retryable: false,
    meaning: 'The responder failed to answer.',
    hint: "Look into the responder's log for the id in the message.",
  },
  // handling
  INVALID_MESSAGE: {
    retryable: false,
    meaning: 'A received message cannot be decoded or does not fit its schema.',
    hint: 'Look at it in the invalid-message channel; correct the sender.',
  },
  UNKNOWN_MESSAGE: {
    retryable: true,
    meaning: 'A received command is not known to this version of the service.',
    hint: 'Deploy the version that knows it; until then it is given back.',
  },
  HANDLER_FAILED: { retryable: true, meaning: 'A handler threw.', hint: 'Look at the cause.' },
  PROCESS_KILLED: {
    retryable: false,
    meaning: 'A message was being handled each time that its process died.',
    hint: 'Look for a crash in the handler, then redrive the message.',
  },
  ATTEMPTS_SPENT: { retryable: false, meaning: 'Every attempt at a message failed.', hint: 'Correct the cause, then redrive the message.' },
  KEY_PARKED: {
    retryable: true,
    meaning: 'A message waits in the parking lot because an earlier one of its key does.',
    hint: 'Redrive, edit or skip the first message of the key; the rest follows in order.',
  },
  NO_REPLY: {
    retryable: false,
    meaning: 'A handler returned nothing although the contract names replies.',
    hint: 'Return one of the declared replies.',
  },
  HANDLER_ENDED: {
    retryable: false,
    meaning: 'Something was said through the context of a handler that had already ended; nothing was sent.',
    hint: 'Await everything inside the handler, or send through a client or the service handle.',
  },
  FENCED: {
    retryable: false,
    meaning: 'This consumer lost its shard to another one and may not settle any more.',
    hint: 'Nothing to do: the other consumer handles the message.',
  },
  // life cycle
  CLOSED: { retryable: false, meaning: 'The app or transport is closed.', hint: 'Connect again.' },
  DRAIN_TIMEOUT: {
    retryable: false,
    meaning: 'Handlers were still running at the deadline of close().',
    hint: 'Their messages are redelivered; allow more time, or make handlers shorter.',
  },
  // brokers
  BROKER_UNREACHABLE: {
    retryable: true,
    meaning: 'The broker does not answer at this address.',
    hint: 'Check the address, and that the broker runs.',
  },
  ACCESS_REFUSED: {
    retryable: false,
    meaning: 'The broker refuses the credentials, or the right to do what was asked.',
    hint: 'Check user, password and the rights that the message names.',
  },
  TLS_REFUSED: {
    retryable: false,
    meaning: 'No trusted TLS connection to the broker came about.',
    hint: 'Check the certificates, the authority that they come from, and the name in them.',
  },
  BROKER_TOO_OLD: {
    retryable: false,
    meaning: 'The broker is older than the transport needs.',
    hint: 'Upgrade the broker to the version in the message.',
  },
  BROKER_BLOCKED: {
    retryable: true,
    meaning: 'The broker takes no messages at the moment, because its memory or disk is full.',
    hint: 'Make room on the broker, or let consumers catch up; send again with the same id.',
  },
  // the embedded store
  STORE_FULL: {
    retryable: true,
    meaning: 'The store has reached its size limit, or the disk is full; nothing was stored.',
    hint: 'Let consumers catch up, or raise the limit.',
  },
  STORE_CORRUPT: {
    retryable: false,
    meaning: 'The file is damaged or is not a Pabal store.',
    hint: 'Check the path; restore the file from a backup.',
  },
  STORE_REPLACED: {
    retryable: false,
    meaning: 'The file was deleted or replaced while it was open.',
    hint: 'Restart every process that uses it.',
  },
  STORE_UNUSABLE: { retryable: false, meaning: 'The file cannot be opened here.', hint: 'See the reason in the message.' },
  STORE_BUSY: {
    retryable: true,
    meaning: 'Another process held the write lock for too long.',
    hint: 'See in the message which process; end it if it hangs.',
  },
  STORE_VERSION: {
    retryable: false,
    meaning: 'The file was written by a version of Pabal that this one cannot read.',
    hint: 'Upgrade Pabal in this process.',
  },
} as const satisfies Record<string, Row>

/** One of the codes in the table above. */
export type ErrorCode = keyof typeof errorTable

export interface ErrorDetails {
  /** The id of the message concerned, so that it can be sent or asked again under the same id. */
  readonly id?: string
  readonly cause?: unknown
  /** Replaces the table's hint where more is known. */
  readonly hint?: string
}

/**
 * The one error class of Pabal.
 *
 * `code` is stable and documented; `message` says what happened and what was given; `hint` says what to do.
 */
export class PabalError extends Error {
  override readonly name = 'PabalError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly hint: string
  /** The id of the message concerned, where there is one. */
  readonly id: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryable = errorTable[code].retryable
    this.hint = details.hint ?? errorTable[code].hint
    this.id = details.id
  }
}

/** True for an error of Pabal's, from any copy of the library; narrows to one code where given. */
export function isPabalError(error: unknown, code?: ErrorCode): error is PabalError {
  return error instanceof Error && error.name === 'PabalError' && 'code' in error && (code === undefined || error.code === code)
}

/** Collects the faults of a configuration so that a person sees all of them at once. */
export class Faults {
  readonly #found: { code: ErrorCode; message: string }[] = []

  add(code: ErrorCode, message: string): void {
    this.#found.push({ code, message })
  }

  get count(): number {
    return this.#found.length
  }

  /** Throws one error that lists every fault. One fault keeps its own code; several get `code`. */
  throwIfAny(code: ErrorCode, what: string): void {
    const [first] = this.#found
    if (first === undefined) return
    // Most faults say themselves where they are.
    if (this.#found.length === 1)
      throw new PabalError(first.code, first.message.startsWith(what) ? first.message : `${what}: ${first.message}`)
    const lines = this.#found.map((fault) => `  - ${fault.code}: ${fault.message}`)
    throw new PabalError(code, `${what} has ${this.#found.length} faults:\n${lines.join('\n')}`)
  }
}
