/**
 * What a transport promises, read from the live store or server when it opens. A contract or option that asks for more
 * is refused at start. Nothing above the seam asks for a transport's name.
 */
export interface Capabilities {
  /** What an acknowledged message outlives. `nothing`: it lives in this process. */
  readonly survives: 'nothing' | 'process' | 'broker' | 'power'
  /** Messages of one key reach one consumer at a time in the order in which they were sent, for any number of consumers. */
  readonly ordersByKey: boolean
  /** Subscriber groups outlive their members. */
  readonly durableGroups: boolean
  /** A new group can begin with what was published before it. */
  readonly replays: boolean
  readonly delays: boolean
  /** A message that was handed out when its process died is counted. */
  readonly countsLosses: boolean
  /** Emissions and the acknowledgement are one commit. */
  readonly atomicEmit: boolean
  /** A transient message to nobody is known at once. */
  readonly detectsNoReceiver: boolean
  /** `receivers()` names the groups that a published transient message reaches. */
  readonly knowsReceivers: boolean
  /** A settlement by a consumer that lost its shard is refused. */
  readonly fences: boolean
  /** Failed messages can be parked with their followers. */
  readonly parks: boolean
  /** The largest message, body and headers, in bytes. */
  readonly maxBytes: number
  /** How soon a killed and a frozen consumer's shards are taken over, in milliseconds, at the latest. */
  readonly takeover: { readonly killed: number; readonly frozen: number }
}
