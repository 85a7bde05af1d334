import type { Channel } from '../channel/channel.ts'
import type { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { Capabilities } from './capabilities.ts'

/**
 * The seam between Pabal and a messaging technology. An adapter knows bytes and headers, never contracts, schemas or
 * handlers. All that can be built above it is: validation, retries, holding, dead letters, requests.
 */
export interface Transport extends Sender {
  /** The scheme or product, for people to read. Nothing above the seam may branch on it. */
  readonly name: string
  /**
   * Connects and says what the live store or server promises. Called once, first. With `check` nothing is made there, not even what
   * channels have in common; `create` where it is left out.
   */
  open(listener: StateListener, mode?: 'create' | 'check'): Promise<Capabilities>
  /** Makes the channels, or only checks that they are there and as expected (`UNSUPPORTED`/`INVALID_CONFIGURATION` otherwise). Idempotent. */
  provision(channels: readonly Channel[], mode: 'create' | 'check'): Promise<void>
  /** Opens this instance's own reply address, which begins with `inbox.` and vanishes with the instance. `owner` is for people to read. */
  inbox(owner: string, receive: Receive): Promise<Inbox>
  /** Begins to hand out deliveries. Resolves when what is sent from now on will be delivered. */
  subscribe(channel: Channel, options: SubscribeOptions, receive: Receive): Promise<Subscription>
  /** The groups that would get a transient message published now. Only where `capabilities.knowsReceivers`. */
  receivers?(channel: Channel): Promise<readonly string[]>
  readonly admin?: Admin
  /** Settles nothing more and lets go of everything. Idempotent. What is unsettled is delivered again, here or elsewhere. */
  close(): Promise<void>
}

export interface Sender {
  /**
   * Sends each message of the batch; one result for each, in order. Resolves when every durable one is as safe as
   * `capabilities.survives` says, and every transient one has been handed to the technology. May be called concurrently;
   * two calls made one after the other in the same tick keep their order. Never rejects for one message's sake: partial
   * failure is visible in the results. They come at once where nothing has to be waited for.
   */
  send(batch: readonly Outgoing[]): readonly SendResult[] | Promise<readonly SendResult[]>
}

export interface Outgoing {
  readonly channel: Channel
  readonly message: Message
  /** Durable: stored before `send` resolves. Transient: the lightest path, dropped at the deadline. The two are separate lanes of a channel. */
  readonly durable: boolean
  /** Not handed out before this time (milliseconds since 1970). Only where `capabilities.delay`, only durable. */
  readonly notBefore?: number | undefined
  /** Milliseconds from now after which a transient message may be dropped. */
  readonly ttl?: number | undefined
  /** Nobody else holds the message: the transport may keep the object itself. */
  readonly given?: boolean | undefined
}

/** `no-receiver`: nobody is there, known at once (transient messages only, where `capabilities.detectsNoReceiver`). */
export type SendResult = 'sent' | 'no-receiver' | PabalError

export interface SubscribeOptions {
  /**
   * The consumer group: members compete, each message goes to one of them, all messages of a key to the same one at a
   * time. Durable groups outlive their members. Absent: an ephemeral subscriber with a copy of its own, from now on,
   * that is gone when it closes or dies. On a point-to-point channel the group is always the owner's.
   */
  readonly group?: string | undefined
  /** Which lane to read: durable messages, or transient ones. */
  readonly durable: boolean
  /** How much may be handed out and not yet settled. Both bounds hold; one message is always allowed. */
  readonly maxMessages: number
  readonly maxBytes: number
  /**
   * Called when this member becomes the owner of `shard`, before the shard's first delivery, with the keys that are
   * parked in it and how many messages each has. Unkeyed parked messages are not counted.
   */
  assigned?(shard: string, parked: ReadonlyMap<string, number>): void
  /**
   * Called when `shard` is to go to another member: the transport hands out nothing more of it and waits until every
   * delivery of it is settled. What has not begun should be released at once.
   */
  revoking?(shard: string): void
}

export interface Subscription {
  /** Hands out nothing more. What is out may still be settled. */
  stop(): void
  /** Stops, waits for the settlements that are under way to be written, gives its shards to others. Idempotent. */
  close(): Promise<void>
}

export interface Inbox {
  readonly address: string
  close(): Promise<void>
}

/**
 * Takes one delivery; what it returns is its settlement, so that a delivery can be neither forgotten nor settled twice. Called
 * without waiting for earlier ones, in order for each shard. The settlement comes at once where nothing had to be waited for:
 * a promise for each message would cost as much as the rest of its way. A throw or a rejection counts as `release`.
 */
export type Receive = (delivery: Delivery) => Settlement | Promise<Settlement>

export interface Delivery {
  readonly message: Message
  /** The unit of ordering and of ownership. All messages of a key are in one shard, handed out in the order in which they were sent. */
  readonly shard: string
  /**
   * How often the message was handed out and then lost with its process, this time not counted. Counted before it is
   * handed out, where `capabilities.countsLosses`; such deliveries come one at a time per member. 0 at first.
   */
  readonly lost: number
  /** Present where the message comes from the parking lot. */
  readonly parked?: ParkNote | undefined
  /**
   * True where the message comes from the queue and was sent before the parked ones of its key: it was being handled when
   * its followers were parked, and was then lost or given back. It goes first, and parking it puts it before them.
   */
  readonly ahead?: boolean | undefined
  /** Rises with every owner of the shard. Handlers may guard effects outside with it (a fencing token). */
  readonly fence: number
  /** Aborted when the shard was lost to another member: nothing of this delivery will be settled. */
  readonly signal: AbortSignal
}

/**
 * What became of a delivery.
 *
 * - `emit`: handled; the emissions leave with the acknowledgement: in one commit where `capabilities.atomicEmit` (their
 *   transient ones right after it), otherwise they are sent first and acknowledged then. A retry, a dead letter, an
 *   invalid message and a reply are all emissions.
 * - `release`: given back unhandled. It is handed out again, after its shard was offered to another member; `after` is
 *   the least number of milliseconds before that. Order per key holds: from the moment of the release nothing that was sent
 *   later with its key is handed out before it.
 * - `park`: moved durably out of the way of other keys, to the shard's parking lot. See `ParkNote`.
 */
export type Settlement =
  | { readonly emit: readonly Outgoing[] }
  | { readonly release: { readonly after?: number | undefined } }
  | { readonly park: ParkNote }

/**
 * Why and until when a message waits in the parking lot of its (channel, group, shard). Parked messages of a key are
 * handed out to the shard's owner one at a time, in the order in which they were sent (those that `Admin.move` put there:
 * in the order in which they came), the next when the one before was settled with `emit`, and not while an earlier message
 * of their key lies unsettled in the queue. Parking a parked delivery again keeps its place. Unkeyed ones come each when due.
 */
export interface ParkNote {
  /** Not handed out before this time (milliseconds since 1970). Absent: not before a person asks for it. */
  readonly due?: number | undefined
  /** Attempts that failed so far: 0 for a follower that only waits for its head. */
  readonly attempts: number
  /** An error code and what was said. */
  readonly code: string
  readonly reason: string
  readonly firstFailure?: number | undefined
  readonly lastFailure?: number | undefined
  /** What a person asked for through `Admin`; the shard's owner carries it out. */
  readonly order?: 'redrive' | 'skip' | 'discard' | undefined
}

/** Told of every change; `reason` is for people. A transport that is not ready keeps trying until closed. */
export type StateListener = (state: TransportState) => void
export type TransportState =
  /** `warning`: something that people should know and that stops nothing, such as an idle consumer. */
  { readonly ready: true; readonly warning?: string } | { readonly ready: false; readonly reason: string }

/** A place where messages lie: a channel's queue for a group, or the group's parking lot. */
export interface Place {
  readonly channel: Channel
  /** Absent for a point-to-point channel. */
  readonly group?: string | undefined
  readonly parked?: boolean | undefined
}

export interface Stored {
  /** Opaque; valid until the message moves. */
  readonly position: string
  readonly message: Message
  readonly note?: ParkNote | undefined
  /** It waits for this time (milliseconds since 1970). */
  readonly notBefore?: number | undefined
}

/** What a person does to messages that wait. Optional on a transport. */
export interface Admin {
  /** Every channel and group: what waits, what is parked, who owns which shard. */
  depths(): Promise<readonly Depth[]>
  /** Up to `limit` messages in order, after `after`: exactly those that `depths` counts. Takes nothing away. */
  browse(place: Place, options: { readonly limit: number; readonly after?: string | undefined }): Promise<readonly Stored[]>
  /** Changes the note of a parked message, and the message itself where given; its place stays. False where it is gone. */
  amend(place: Place, position: string, note: ParkNote, message?: Message): Promise<boolean>
  /** Moves a message from a point-to-point channel's queue to the end of a group's parking lot, in one step. False where it is gone. */
  move(from: Place, position: string, to: Place, note: ParkNote, message?: Message): Promise<boolean>
  /** Takes a message away for ever. False where it is gone. */
  discard(place: Place, position: string): Promise<boolean>
}

export interface Depth {
  readonly channel: Channel
  readonly group?: string | undefined
  /** Stored and not settled, parked ones not counted. */
  readonly waiting: number
  readonly parked: number
  /** Milliseconds since 1970; undefined where nothing waits. */
  readonly oldest?: number | undefined
  /** The members, by a name for people to read, and how many shards each owns: 0 for one that is idle. */
  readonly owners: Readonly<Record<string, number>>
  /** The member that owns each shard, by shard, where the transport can tell. A shard that is not named has no owner now. */
  readonly shards?: Readonly<Record<string, string>> | undefined
}
