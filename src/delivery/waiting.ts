import type { Channel } from '../channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../channel/names.ts'
import { PabalError } from '../errors.ts'
import type { Message } from '../message/message.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { ParkNote, Place, Stored } from '../transport/seam.ts'

/** Where messages wait for a person: what belongs to a channel and a consumer group. */
export interface Where {
  /** The channel on which they were sent. */
  readonly channel: Channel
  /** The consumer group; absent on a point-to-point channel. */
  readonly group?: string | undefined
  /** Dead letters, invalid messages, or the parking lot. */
  readonly lot: 'dead' | 'invalid' | 'parked'
}

/** Which of them. Everything given must fit. */
export interface Which {
  /** One message, or any of several. */
  readonly id?: string | readonly string[] | undefined
  /** The error code of the reason. */
  readonly code?: string | undefined
  /** A part of the reason, in any case of letters. */
  readonly reason?: string | undefined
  readonly type?: string | undefined
  readonly key?: string | undefined
  /** Those that failed last (or, where that is not known, were sent) at least so long ago. */
  readonly olderThan?: Duration | undefined
  /** The first so many of those that fit. */
  readonly limit?: number | undefined
}

/** A message that waits for a person, and why. */
export interface Waiting {
  readonly message: Message
  readonly position: string
  readonly code: string
  readonly reason: string
  readonly attempts: number
  /** First and last failure, milliseconds since 1970. */
  readonly first?: number | undefined
  readonly last?: number | undefined
  /** Parked ones: when the next attempt is due; undefined: not before a person asks for it. */
  readonly due?: number | undefined
  /** Parked ones: it did not fail, and only waits for an earlier one of its key. */
  readonly follows: boolean
  readonly note?: ParkNote | undefined
}

export function placeOf({ channel, group, lot }: Where): Place {
  if (lot === 'dead') return { channel: deadLetterChannel(channel, group) }
  if (lot === 'invalid') return { channel: invalidMessageChannel(channel, group) }
  return parkingLot(channel, group)
}

/** The parking lot of a group. */
export function parkingLot(channel: Channel, group: string | undefined): Place {
  return channel.kind === 'point-to-point' ? { channel, parked: true } : { channel, group, parked: true }
}

export function waitingOf({ message, position, note }: Stored): Waiting {
  if (note !== undefined) {
    const { code, reason, attempts, firstFailure: first, lastFailure: last, due } = note
    return { message, position, code, reason, attempts, first, last, due, follows: code === 'KEY_PARKED', note }
  }
  const { deadcode = '', deadreason = '', deadattempts = '0', deadfirst, deadlast } = message.extensions
  const times = { first: timeOf(deadfirst), last: timeOf(deadlast) }
  return { message, position, code: deadcode, reason: deadreason, attempts: Number(deadattempts) || 0, ...times, follows: false }
}

/**
 * Whether a message is asked for; `limit` is not looked at. Followers are only where one is asked for by its id: they go on by themselves
 * when their head does. Throws `INVALID_OPTION` where what is asked for makes no sense.
 */
export function fitting(which: Which, now: number): (waiting: Waiting) => boolean {
  const { id, code, type, key, limit } = which
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new PabalError('INVALID_OPTION', `which messages: the option limit is ${String(limit)}, give a whole number from 1`)
  const ids = id === undefined ? undefined : new Set(typeof id === 'string' ? [id] : id)
  const reason = which.reason?.toLowerCase()
  const before = which.olderThan === undefined ? undefined : now - milliseconds(which.olderThan, 'which messages: the option olderThan')
  return (waiting) =>
    (ids === undefined ? !waiting.follows : ids.has(waiting.message.id)) &&
    (code === undefined || code === waiting.code) &&
    (reason === undefined || waiting.reason.toLowerCase().includes(reason)) &&
    (type === undefined || type === waiting.message.type) &&
    (key === undefined || key === waiting.message.key) &&
    (before === undefined || (waiting.last ?? waiting.message.time) <= before)
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
