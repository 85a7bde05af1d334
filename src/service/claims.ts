import type { Channel } from '../channel/channel.ts'
import type { ServiceData } from '../contract/data.ts'
import { PabalError } from '../errors.ts'
import type { Subscription } from '../transport/seam.ts'
import type { Core } from './core.ts'

/*
 * Two services that own one aggregate take each other's events for their own. Within an app `Owners` sees it; between processes
 * each service says what it owns by the name of a transient group, which is gone with its process. Where the transport does not
 * know who is there (brokers), nobody says anything and nothing is found out.
 */

/** No contract has a name that begins so. */
const place: Channel = { address: '-owners', kind: 'publish-subscribe' }
/** Between two looks, where the other one may be dead and not yet buried. */
const again = 100

/**
 * Says which aggregates the service owns for as long as the claim is open. Rejects with `OWNER_DUPLICATE` where a service of another
 * name, that is alive, owns one of them. Undefined where there is nothing to claim.
 */
export async function claimAggregates(core: Core, contract: ServiceData): Promise<Subscription | undefined> {
  const { transport, capabilities, runtime } = core
  const own = Object.keys(contract.events)
  if (own.length === 0 || !capabilities.knowsReceivers || transport.receivers === undefined) return undefined
  const options = { group: [contract.name, ...own].join('/'), durable: false, maxMessages: 1, maxBytes: 1 }
  // First said, then looked: of two that begin at once at least one sees the other.
  const claim = await transport.subscribe(place, options, async () => ({ emit: [] }))
  const end = runtime.monotonic() + capabilities.takeover.killed + again
  for (;;) {
    const clash = clashIn(await transport.receivers(place), contract.name, own)
    if (clash === undefined) return claim
    if (runtime.monotonic() >= end) {
      await claim.close()
      throw new PabalError(
        'OWNER_DUPLICATE',
        `serve ${contract.name}: the channel "${clash.aggregate}" belongs to ${clash.service}, which another process serves`,
      )
    }
    await new Promise<void>((resolve) => void runtime.timer(again, resolve))
  }
}

function clashIn(claims: readonly string[], name: string, own: readonly string[]): { service: string; aggregate: string } | undefined {
  for (const claim of claims) {
    const [service = '', ...aggregates] = claim.split('/')
    const aggregate = service === name ? undefined : aggregates.find((each) => own.includes(each))
    if (aggregate !== undefined) return { service, aggregate }
  }
  return undefined
}
