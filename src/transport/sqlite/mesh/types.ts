import type { Runtime } from '../../../runtime/runtime.ts'

/**
 * The mesh: the members of one store on one machine talk over unix domain sockets. It carries wake-ups and transient
 * messages, promises nothing beyond what a socket does, and notices at once when a member dies.
 *
 * Every member listens on one socket and dials each member that it sends to or watches: one socket for each direction.
 * So all frames from one member to another travel over the dialler's socket, in order, and two members that dial each
 * other at the same moment need no tie-break. The accepting side answers pings and says goodbye, nothing more.
 *
 * Tested on Linux. Windows (named pipes) is untested.
 */
export interface MeshOptions {
  /** The folder for the sockets themselves, for example `<file>-mesh`. Made when missing, mode 0700. */
  readonly folder: string
  /** This member's id: 1 to 200 bytes, not used by another living member. */
  readonly self: string
  readonly runtime: Runtime
  /** A member that was silent for so long is pinged; milliseconds, default 500. */
  readonly pingEvery?: number | undefined
  /** A member that answered nothing for so long is reported as frozen; milliseconds, default 3,000. Time in which this process itself slept does not count. */
  readonly frozenAfter?: number | undefined
  /** The most bytes that wait for one member in memory; one frame is always allowed. Default 8 MiB. As many again may wait as promises of `send`. */
  readonly maxQueue?: number | undefined
  /**
   * A frame from another member, in the order in which that member sent them. A view into the bytes that were read:
   * valid for as long as it is held, and holding a small one holds up to 64 KiB. A `PabalError` thrown from here closes the link
   * that brought the frame; any other error is a defect and is thrown on.
   */
  onFrame(from: string, frame: Buffer): void
  /**
   * A member that this one had a link to (by `connect` or `send`) is gone. Called once per link.
   * - `closed`: it said goodbye. - `dead`: its end of the socket vanished, or nobody listens at its address.
   * - `frozen`: it is there and answers nothing. Its link stays, and `onBack` tells when it speaks again.
   */
  onGone(member: string, how: 'closed' | 'dead' | 'frozen'): void
  /** A member that was reported as frozen speaks again. */
  onBack?: ((member: string) => void) | undefined
}

export interface Mesh {
  /** What other members pass to `connect` and `send`. Opaque; put it beside the member id in the store. */
  readonly address: string
  /** Keeps a link to a member: from now on `onGone` tells of its end. Idempotent while the link stands; dials anew after it ended. */
  connect(member: string, address: string): void
  /**
   * Sends a frame of at most 40 MiB; `frame` must not be changed afterwards. Dials where there is no link yet.
   *
   * - `'sent'`: handed to the socket. What its reader had not read when it died is lost.
   * - a promise: the link is being made, or the member does not keep up and `maxQueue` is reached. Resolves with `'sent'`
   *   in the order of the calls, or with `'no-receiver'` when the member is gone, or has not made room within
   *   `frozenAfter`, or as many bytes as `maxQueue` are waiting already (at once).
   *
   * A frozen member is still sent to, within these bounds. Throws `MESSAGE_TOO_LARGE` above 40 MiB, `CLOSED` after `close`.
   */
  send(member: string, address: string, frame: Buffer): 'sent' | Promise<'sent' | 'no-receiver'>
  /** Ends the link to a member without a report. What was sent before is still written. */
  drop(member: string): void
  /** Says goodbye to all, writes what is queued, waits at most a quarter of a second for the others, removes the socket. Idempotent. */
  close(): Promise<void>
}
