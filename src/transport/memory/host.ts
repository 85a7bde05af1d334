import type { Runtime } from '../../runtime/runtime.ts'
import type { Outgoing, SendResult } from '../seam.ts'
import type { Alarms } from './alarms.ts'
import type { Limits } from './options.ts'
import type { Turns } from './turns.ts'

/** The hub as what lies in it sees it. */
export interface Host {
  readonly runtime: Runtime
  readonly limits: Limits
  readonly alarms: Alarms
  readonly turns: Turns
  messages: number
  bytes: number
  sequence: number
  count(messages: number, bytesEach: number): void
  send(outgoing: Outgoing): SendResult
  roomFor(emit: readonly Outgoing[]): boolean
  route(outgoing: Outgoing): void
}
