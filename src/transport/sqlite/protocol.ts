import type { Channel } from '../../channel/channel.ts'
import type { ErrorCode } from '../../errors.ts'
import type { ParkNote } from '../seam.ts'
import type { WorkerFaults } from './options.ts'

/*
 * What the main thread asks of the worker. Everything is plain data; messages travel packed, in buffers that are transferred.
 * A *pack* is a run of messages of one channel: u16 shard, frame (src/message/frame.ts), u16 shard, frame, …
 */
export interface Pack {
  readonly channel: Channel
  readonly count: number
  readonly bytes: Uint8Array
}

/**
 * What was stored on a channel in one step: where it begins and, where it is short, the pack itself, so that who reads the
 * channel need not read it.
 */
export interface Stored {
  readonly channel: string
  readonly first: number
  readonly bytes?: Uint8Array | undefined
}

/** A message among a group's parked ones: `sub` is 0 where it came from the log, then `pos` is its place there. */
export interface ParkedId {
  readonly pos: number
  readonly sub: number
}

export interface ParkRow extends ParkedId {
  readonly key: string | null
  readonly note: ParkNote
  /** Absent: the row is there, and only its note changes. */
  readonly frame?: Uint8Array | undefined
  /** It left the log because it stood in the way, and is still out. */
  readonly out?: boolean | undefined
}

/** What became of deliveries of one shard. Applied whole, or not at all where the epoch is over. */
export interface ShardSettlement {
  readonly group: number
  readonly shard: number
  readonly epoch: number
  /** All before this position are settled. */
  readonly acked: number
  // Absent where there is nothing to say: most settlements say only how far the shard is.
  readonly state?: ShardLog | undefined
  readonly parks?: readonly ParkRow[] | undefined
  readonly removes?: readonly ParkedId[] | undefined
  readonly emits?: readonly Pack[] | undefined
  readonly delays?: readonly DelayRow[] | undefined
  /** The shard is given up; `wanted` is to have it next. */
  readonly free?: { readonly wanted: string | null } | undefined
}

/** What the log alone does not tell of a shard: settled positions above `acked`, and those that were given back until a time. */
export interface ShardLog {
  readonly settled: readonly number[]
  readonly held: readonly (readonly [pos: number, due: number])[]
}

export interface DelayRow {
  readonly channel: Channel
  readonly due: number
  readonly shard: number
  readonly frame: Uint8Array
}

export interface Owned {
  readonly shard: number
  readonly epoch: number
  readonly acked: number
  readonly state: ShardLog
  /** Parked messages by key, and all of them. */
  readonly parked: readonly (readonly [key: string, count: number, first: number])[]
  readonly parkedTotal: number
}

export interface HeadRow extends ParkedId {
  readonly shard: number
  readonly key: string | null
  readonly due: number | null
  readonly suspect: boolean
}

export interface TakenRow extends ParkedId {
  readonly key: string | null
  readonly lost: number
  readonly note: ParkNote
  readonly frame: Uint8Array
}

export interface MemberRow {
  readonly id: string
  readonly address: string
  readonly pid: number
}

export interface SubscriberRow {
  /** `<member>/<n>`: one subscription of a process. */
  readonly unit: string
  readonly channel: string
  readonly group: string
  readonly durable: boolean
}

/** Where this process stands in a shard. */
export interface Reading {
  readonly shard: number
  readonly epoch: number
  readonly from: number
}

/** A shard may be handed out up to `end` by the owner of that epoch. */
export interface Mark {
  readonly shard: number
  readonly epoch: number
  readonly end: number
}

/** How much may be handed out at once. */
export interface Room {
  readonly messages: number
  readonly bytes: number
}

export interface Segment {
  readonly first: number
  readonly bytes: Uint8Array
}

/** Each operation: what it takes and what it gives. `append` and `settle` of one turn share a transaction. */
export interface Operations {
  open: {
    takes: {
      file: string
      maxSize: number
      shards: number
      busyAfter: number
      kill?: WorkerFaults['kill']
      crash?: WorkerFaults['crash']
      trace: boolean
      acknowledgeFirst: boolean
    }
    gives: { path: string; shards: number; identity: number }
  }
  provision: { takes: { channels: readonly Channel[]; mode: 'create' | 'check' }; gives: readonly string[] }
  append: { takes: { packs: readonly Pack[]; delays: readonly DelayRow[] }; gives: { stored: readonly Stored[]; nextDue: number | null } }
  settle: {
    takes: { settlements: readonly ShardSettlement[] }
    gives: { fenced: readonly number[]; stored: readonly Stored[]; nextDue: number | null }
  }
  join: {
    takes: { unit: string; channel: Channel; group: string; durable: boolean; ephemeral: boolean }
    gives: { group: number; channel: number }
  }
  leave: { takes: { unit: string; channel: string; group: string; durable: boolean; ephemeral: boolean }; gives: void }
  claim: { takes: { group: number; unit: string; shards: readonly number[] }; gives: readonly Owned[] }
  leases: { takes: { group: number }; gives: readonly { shard: number; owner: string | null; wanted: string | null }[] }
  read: {
    takes: { channel: number; group: number; unit: string; reads: readonly Reading[]; maxBytes: number; room: Room }
    gives: { segments: readonly Segment[]; next: number; marked: number; lost: readonly number[] }
  }
  mark: { takes: { group: number; marks: readonly Mark[] }; gives: void }
  heads: {
    takes: { group: number; shards: readonly number[]; limit: number }
    gives: { heads: readonly HeadRow[]; empty: readonly number[] }
  }
  take: {
    takes: { group: number; ids: readonly (ParkedId & { readonly shard: number; readonly epoch: number })[] }
    gives: readonly TakenRow[]
  }
  register: { takes: { member: string; address: string; pid: number }; gives: void }
  unregister: { takes: { member: string }; gives: void }
  bury: { takes: { member: string }; gives: boolean }
  members: { takes: Record<string, never>; gives: { members: readonly MemberRow[]; subscribers: readonly SubscriberRow[] } }
  wakeDelayed: { takes: { now: number }; gives: { stored: readonly Stored[]; nextDue: number | null } }
  poll: { takes: Record<string, never>; gives: { version: number } }
  depths: { takes: Record<string, never>; gives: readonly DepthRow[] }
  browse: {
    takes: { channel: string; group: string; parked: boolean; limit: number; after?: string | undefined }
    gives: readonly StoredRow[]
  }
  amend: {
    takes: { channel: string; group: string; pos: number; sub: number; note: ParkNote; frame?: Uint8Array | undefined }
    gives: boolean
  }
  move: {
    takes: {
      from: { channel: string; group: string }
      pos: number
      to: { channel: string; group: string }
      shard: number
      key: string | null
      note: ParkNote
      frame?: Uint8Array | undefined
    }
    gives: boolean
  }
  discard: { takes: { channel: string; group: string; parked: boolean; pos: number; sub: number }; gives: boolean }
  close: { takes: Record<string, never>; gives: void }
}

export interface DepthRow {
  readonly channel: Channel
  readonly group: string
  readonly waiting: number
  readonly parked: number
  readonly oldest: number | null
  readonly owners: Readonly<Record<string, number>>
  readonly shards: Readonly<Record<string, string>>
}

/** What is not due yet has a number of its own as `pos`, and this as `sub`. */
export const delayedSub = -1

export interface StoredRow extends ParkedId {
  readonly frame: Uint8Array
  readonly note: ParkNote | null
  readonly due?: number | undefined
}

export type Operation = keyof Operations
export interface Request<O extends Operation = Operation> {
  readonly id: number
  readonly op: O
  readonly args: Operations[O]['takes']
}

export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string | undefined
}
export type Response =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly trace: { readonly what: 'begin' | 'commit' | 'acknowledge'; readonly synced?: boolean; readonly durable?: boolean } }
