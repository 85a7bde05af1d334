/**
 * The only door to the clock, timers, randomness, ids and fault points. Nothing else in `src/` may touch them (a test
 * enforces it), so all of Pabal can run in simulated time with a seeded plan of faults.
 */
export interface Runtime {
  /** Wall clock, milliseconds since 1970. For what people read and for delays; never for deadlines. */
  now(): number
  /** A clock that only goes forward, in milliseconds. For deadlines and leases. */
  monotonic(): number
  /** Calls `run` once after `ms` milliseconds (0: as soon as the event loop turns). Never holds the process open when `background`. */
  timer(ms: number, run: () => void, background?: boolean): Timer
  /** A number in [0, 1). */
  random(): number
  /** A new UUIDv7, increasing within the process. `now`: what `now()` has just said, since reading the clock costs as much as the id. */
  id(now?: number): string
  /**
   * Passes the fault point `name`. Undefined on the ordinary runtime: no cost and no wait. A simulated or fault-injecting
   * runtime may return a promise (a delay), throw (a crash of the simulated process) or kill the real one.
   */
  point?(name: FaultPoint): Promise<void> | undefined
}

export interface Timer {
  cancel(): void
}

/** Every place where a test may crash, delay or kill. `transport.*` points lie in adapters, the others above the seam. */
export type FaultPoint =
  | 'send.before' // the message is made and validated, the transport has not seen it
  | 'send.after' // the transport has acknowledged, the caller does not know yet
  | 'handle.before' // a delivery was handed out, its handler has not begun
  | 'handle.after' // the handler is done, nothing is settled
  | 'settle.after' // settled
  | 'park.before'
  | 'dead-letter.before'
  | 'reply.before'
  | 'transport.commit.before' // in the adapter: before what makes a send durable
  | 'transport.commit.after'
  | 'transport.sync.after' // after the sync to disk, before anybody is told
  | 'transport.settle.before'
  | 'transport.handover.before' // a shard is about to be given to another consumer
