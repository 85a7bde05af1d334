import type { Consumer } from '../delivery/types.ts'
import type { TransportState } from '../transport/seam.ts'
import type { Core } from './core.ts'

/** What a probe asks. `live`: restarting this process would not help. `ready`: it can take work now. */
export interface Health {
  readonly live: boolean
  readonly ready: boolean
  /** Why it is not ready or not live; empty where it is both. */
  readonly reasons: readonly string[]
  /** By participant: what its consumers have in hand. */
  readonly services: Readonly<
    Record<string, { readonly running: number; readonly waiting: number; readonly heldKeys: number; readonly parkedKeys: number }>
  >
  /** Requests and gathers that wait for replies. */
  readonly inFlight: number
}

export function healthOf(
  core: Core,
  state: TransportState,
  services: readonly { readonly name: string; readonly consumers: readonly Consumer[] }[],
): Health {
  const reasons: string[] = []
  if (!state.ready) reasons.push(`the transport ${core.transport.name} is not ready: ${state.reason}`)
  if (core.phase !== 'open') reasons.push(`the app is ${core.phase}`)
  const byName: Record<string, { running: number; waiting: number; heldKeys: number; parkedKeys: number }> = {}
  for (const { name, consumers } of services) {
    const sum = { running: 0, waiting: 0, heldKeys: 0, parkedKeys: 0 }
    for (const { load } of consumers) {
      sum.running += load.running
      sum.waiting += load.waiting
      sum.heldKeys += load.heldKeys
      sum.parkedKeys += load.parkedKeys
    }
    byName[name] = sum
  }
  return { live: core.phase !== 'closed', ready: reasons.length === 0, reasons, services: byName, inFlight: core.inbox.size }
}
