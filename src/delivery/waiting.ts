import type { Channel } from '../channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel } from '../channel/names.ts'
import type { Message } from '../message/message.ts'
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
  readonly id?: string | undefined
  /** The error code of the reason. */
  readonly code?: string | undefined
  readonly type?: string | undefined
  readonly key?: string | undefined
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

/** Whether it is asked for. Followers only where one is asked for by its id: they go on by themselves when their head does. */
export function fits(waiting: Waiting, which: Which): boolean {
  const { message, code } = waiting
  if (which.id !== undefined && which.id !== message.id) return false
  if (which.id === undefined && waiting.follows) return false
  return (
    (which.code === undefined || which.code === code) &&
    (which.type === undefined || which.type === message.type) &&
    (which.key === undefined || which.key === message.key)
  )
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
