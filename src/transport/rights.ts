import type { Channel } from '../channel/channel.ts'

/** A lane of a channel, and whose it is. */
export interface LaneUse {
  readonly channel: Channel
  /** The consumer group; absent on a point-to-point channel, and where nobody reads. */
  readonly group?: string | undefined
  readonly durable: boolean
}

/** What one service does with the channels of an environment, as its contract says. */
export interface Participation {
  readonly name: string
  /** Reads them as a group, and puts aside what fails. Its own are made by it, those of others are there. */
  readonly reads: readonly (LaneUse & { readonly own: boolean })[]
  /** Makes them, and publishes or lets others publish there. */
  readonly owns: readonly LaneUse[]
  /** Sends to them; others make and read them. */
  readonly sends: readonly LaneUse[]
  /** Waits for replies at inboxes of its own. */
  readonly asks: boolean
  /** Answers at the inboxes and durable reply channels of whoever asks. */
  readonly answers: boolean
}

/** The least that a broker must permit a service. */
export interface Rights {
  /** What gives them, run with the broker's own tool. */
  readonly lines: readonly string[]
  /** The same for scripts. */
  readonly value: Readonly<Record<string, unknown>>
  /** What these rights cannot keep apart, or need beside them. */
  readonly notes: readonly string[]
}

/** Each adapter's: the rights of `user` on the broker and environment of the URL. Throws what the adapter says of its URL. */
export type RightsOf = (participation: Participation, url: string, user: string) => Rights
