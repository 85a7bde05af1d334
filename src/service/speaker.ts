import type { Channel } from '../channel/channel.ts'
import type { Accepted } from '../contract/types/outcome.ts'
import { type Origin, PlainOrigin } from '../interaction/origin.ts'
import type { Receipt } from '../interaction/outbound.ts'
import type { Outgoing } from '../transport/seam.ts'
import { assertOpen, type Core } from './core.ts'

/** How something is said: at once, or with the acknowledgement of the message being handled. */
export interface Speaker {
  readonly core: Core
  readonly origin: Origin
  /** Throws where nothing may be said any more. */
  assertMaySpeak(what: string): void
  /** How a fault of the sender comes out: clients reject; handlers throw at once, so that they fail although nothing is awaited. */
  refuse(error: unknown): Promise<never>
  /** Sends, or keeps for the settlement unless `immediate`. */
  say(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, immediate: boolean): Promise<Accepted>
}

/** Speaks at once: clients, and services outside their handlers. */
export class DirectSpeaker implements Speaker {
  readonly core: Core
  readonly origin: Origin

  constructor(core: Core, source: string) {
    this.core = core
    this.origin = new PlainOrigin(source, core.runtime)
  }

  assertMaySpeak(what: string): void {
    assertOpen(this.core, what)
  }

  refuse(error: unknown): Promise<never> {
    return Promise.reject(error)
  }

  say(channel: Channel, outgoing: Outgoing | Promise<Outgoing>): Promise<Accepted> {
    return sendNow(this.core, channel, outgoing)
  }
}

/** Sends at once; resolves when the message is as safe as the transport declares, rejects with what the transport said. */
export function sendNow(core: Core, channel: Channel, outgoing: Outgoing | Promise<Outgoing>): Promise<Accepted> {
  try {
    const accepted = core.outbound.send(channel, outgoing, acceptance)
    return accepted instanceof Promise ? accepted : Promise.resolve(accepted)
  } catch (error) {
    return Promise.reject(error)
  }
}

const acceptance: Receipt<Accepted> = {
  sent(result, { message }) {
    if (typeof result === 'object') throw result
    return { id: message.id }
  },
}
