import type { Counters } from './types.ts'

export const emptyCounters = (): Counters => ({
  handled: 0,
  failedAttempts: 0,
  parked: 0,
  deadLettered: 0,
  invalid: 0,
  unknownSkipped: 0,
  released: 0,
  lateReplies: 0,
  expired: 0,
})
