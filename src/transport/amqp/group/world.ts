import type { Runtime } from '../../../runtime/runtime.ts'
import type { Outgoing, SendResult } from '../../seam.ts'
import type { Link } from '../link/link.ts'
import type { Settings } from '../options.ts'
import type { Publisher } from '../send/publisher.ts'
import type { Terms } from '../send/sender.ts'
import type { Fences } from '../topology/fences.ts'
import type { Topology } from '../topology/topology.ts'
import type { Members } from './members.ts'

/** What everything of one transport shares. */
export interface World {
  readonly settings: Settings
  readonly runtime: Runtime
  /** The connection that is consumed from: never published on, so that a full broker can be emptied. */
  readonly consuming: Link
  readonly topology: Topology
  readonly members: Members
  readonly publisher: Publisher
  readonly fences: Fences
  /** Something that people should know and that stops nothing. */
  warn(text: string): void
  /** Sends what a settlement emits. */
  emit(batch: readonly Outgoing[], terms: Terms): Promise<readonly SendResult[]>
}
