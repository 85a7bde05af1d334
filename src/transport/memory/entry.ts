import { type Message, none } from '../../message/message.ts'
import type { Delivery, Outgoing, ParkNote } from '../seam.ts'
import type { Linked } from './list.ts'

/** One message, stored for one group. */
export class Entry implements Linked<Entry> {
  prev: Entry | undefined = undefined
  next: Entry | undefined = undefined
  /** The order in which messages were sent. */
  readonly seq: number
  /** Its key when it was stored: a person's edit does not move it. */
  readonly key: string | undefined
  message: Message
  bytes: number
  /** On the monotonic clock; a transient message may be dropped then. */
  readonly expires: number
  /** How often it was lost with its process. */
  lost = 0
  /** Lost and not settled since: it is handed out as its member's only suspect. */
  suspect = false
  /** Not before this time, milliseconds since 1970. */
  due = 0
  /** Present while it is parked. */
  note: ParkNote | undefined = undefined
  /** A person changed the note while the message was out. */
  amended = false
  /** Present while it is handed out. */
  out: Handout | undefined = undefined

  constructor(seq: number, message: Message, bytes: number, expires: number) {
    this.seq = seq
    this.key = message.key
    this.message = message
    this.bytes = bytes
    this.expires = expires
  }
}

/** One member's ownership of a shard. Its signal is made when somebody asks: most handlers never do. */
export class Hold {
  readonly fence: number
  #abort: AbortController | undefined
  #lost = false

  constructor(fence: number) {
    this.fence = fence
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#lost) this.#abort.abort()
    }
    return this.#abort.signal
  }

  lose(): void {
    this.#lost = true
    this.#abort?.abort()
  }
}

/** The shard as its handouts see it. */
export interface Origin {
  readonly name: string
  readonly lot: { readonly size: number }
  readonly group: { readonly durable: boolean; readonly topic: { readonly transient: readonly object[] } }
  isAhead(entry: Entry): boolean
}

/** One handing out of an entry: what the receiver sees, and what the hub remembers until it is settled. */
export class Handout<Shard extends Origin = Origin> implements Delivery, Linked<Handout<Shard>> {
  prev: Handout<Shard> | undefined = undefined
  next: Handout<Shard> | undefined = undefined
  readonly message: Message
  readonly lost: number
  readonly parked: ParkNote | undefined
  readonly ahead: boolean
  readonly entry: Entry
  readonly from: Shard
  readonly hold: Hold
  /** Settled, or lost to another member: a settlement changes nothing any more. */
  over = false

  constructor(entry: Entry, from: Shard, hold: Hold) {
    const { durable, topic } = from.group
    // Whoever has a transient message to itself gets the hub's own.
    this.message = durable || topic.transient.length > 1 ? copy(entry.message) : entry.message
    this.lost = entry.lost
    this.parked = entry.note
    this.ahead = from.lot.size > 0 && from.isAhead(entry)
    this.entry = entry
    this.from = from
    this.hold = hold
  }

  get shard(): string {
    return this.from.name
  }

  get fence(): number {
    return this.hold.fence
  }

  get signal(): AbortSignal {
    return this.hold.signal
  }
}

/**
 * A message of its own for each receiver, so that none can change what another gets. Bodies are shared: they are never
 * written to. Headers were frozen when the message was stored.
 */
export function copy(message: Message): Message {
  return {
    id: message.id,
    source: message.source,
    type: message.type,
    kind: message.kind,
    version: message.version,
    time: message.time,
    contentType: message.contentType,
    key: message.key,
    correlationId: message.correlationId,
    causationId: message.causationId,
    replyTo: message.replyTo,
    extensions: message.extensions,
    headers: message.headers,
    body: message.body,
  }
}

/** The hub's own message: what the sender does to its object afterwards changes nothing here. */
export function keep({ message, given }: Pick<Outgoing, 'message' | 'given'>): Message {
  const { extensions, headers } = message
  const kept = (given === true ? message : copy(message)) as { -readonly [K in keyof Message]: Message[K] }
  if (extensions !== none && !Object.isFrozen(extensions)) kept.extensions = Object.freeze({ ...extensions })
  if (headers !== none && !Object.isFrozen(headers)) kept.headers = Object.freeze({ ...headers })
  return kept
}
