import type { AmqpMessage } from '../driver.ts'
import { headerOf } from '../wire/wire.ts'

/*
 * A quorum queue gives out what it got back before everything else, but puts it behind what it got back before. Whoever reads alone takes
 * some from the front, settles any of them, and gives back the rest in the order in which they came, each counted once more.
 * So of two messages the one that was sent first was given back at least as often as the other one, and more often where it lies
 * behind it: this holds of a new queue, and none of these steps ends it. Sorted by the count, and by place where it is the same, they are
 * in the order in which they were sent; but all that came back must be there.
 */

/** The most that a consumer may have out. */
export const allOfThem = 65_535

/** How often a queue got the message back; always 0 where it puts it in its old place. */
export function timesBack(message: AmqpMessage): number {
  // From 4.3 on the other one counts failures only.
  const count = headerOf(message, 'x-acquired-count') ?? headerOf(message, 'x-delivery-count')
  return typeof count === 'number' ? count : 0
}

export const inOrder = (messages: readonly AmqpMessage[]): AmqpMessage[] => [...messages].sort((a, b) => timesBack(b) - timesBack(a))

/**
 * Whether all that came back is among the first messages that a reader was given. `may`: how many it may be given; `most`: how many anybody
 * may have had. `more`: it must come again and take more.
 */
export function hasAll(came: readonly AmqpMessage[], may: number, most: number): 'all' | 'wait' | 'more' {
  const last = came.at(-1)
  // What came back is given out before what nobody had.
  if (last !== undefined && timesBack(last) === 0) return 'all'
  if (came.length < may) return 'wait'
  return may < most ? 'more' : 'all'
}
