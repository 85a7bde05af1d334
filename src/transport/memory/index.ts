import { PabalError } from '../../errors.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { systemRuntime } from '../../runtime/system.ts'
import type { Transport } from '../seam.ts'
import { Hub } from './hub.ts'
import type { HubOptions } from './options.ts'
import { MemoryTransport } from './transport.ts'
import { optionsFromUrl } from './url.ts'

export type { HubOptions } from './options.ts'

/** A broker in this process's memory, for tests: several transports on one hub behave as several processes on one broker. */
export interface MemoryHub {
  /** A member's transport. `runtime` is the member's own, for its fault points; the hub's where absent. */
  transport(name?: string, runtime?: Runtime): Transport
  /** As a SIGKILL of the process behind the transport: it settles and sends nothing more, its inboxes vanish, its shards are taken over. */
  crash(transport: Transport): void
  /** As a SIGSTOP: nothing of it happens until `thaw`. After `takeover.frozen` its shards go to others and its late settlements are ignored. */
  freeze(transport: Transport): void
  /** As a SIGCONT. */
  thaw(transport: Transport): void
  /** Offers every shard that the transport owns to the next member of its group, as a rebalance would. */
  handOver(transport: Transport): void
  /** What is stored, a copy for each group, parked messages included. */
  readonly stored: { readonly messages: number; readonly bytes: number }
}

/** Makes a hub, on the system's clock unless told otherwise. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function createHub(options: Partial<HubOptions> = {}): MemoryHub {
  const hub = new Hub({ runtime: systemRuntime, ...options })
  return {
    transport(name = 'member', runtime = hub.runtime) {
      const transport = new MemoryTransport(hub, name, runtime)
      hub.opened(transport, true)
      return transport
    },
    crash: (transport) => own(transport).crash(),
    freeze: (transport) => own(transport).freeze(),
    thaw: (transport) => own(transport).thaw(),
    handOver: (transport) => own(transport).handOver(),
    get stored() {
      return { messages: hub.messages, bytes: hub.bytes }
    },
  }
}

/** The transport of a hub of its own: everything in this process and gone with it. */
export function memory(options: Partial<HubOptions> = {}): Transport {
  return createHub(options).transport()
}

/** The transport of `memory:` or `memory:?shards=4`. Throws `UNKNOWN_OPTION` or `INVALID_OPTION`. */
export function fromUrl(url: string, runtime: Runtime): Transport {
  return createHub({ ...optionsFromUrl(url), runtime }).transport()
}

function own(transport: Transport): MemoryTransport {
  if (transport instanceof MemoryTransport) return transport
  throw new PabalError('INVALID_OPTION', `this hub is given a transport named ${transport.name}: give one that its transport() made`)
}
