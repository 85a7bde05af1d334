/// <reference lib="esnext.disposable" preserve="true" />
import type { Client, Clients } from '../contract/types/client.ts'
import type { ServiceHandle } from '../contract/types/handle.ts'
import type { Handlers, Subscription } from '../contract/types/handlers.ts'
import type { Nobody, ServiceShape } from '../contract/types/service.ts'
import type { DeliveryOptions } from '../delivery/policy.ts'
import type { Counters } from '../delivery/types.ts'
import type { Duration } from '../runtime/duration.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Depth } from '../transport/seam.ts'
import type { ClientOptions } from './client.ts'
import type { Health } from './health.ts'
import type { Lot, ParkingLot } from './lots.ts'
import type { ServeOptions } from './options.ts'
import type { Signal, SignalOptions } from './signals.ts'

/** A connection to one transport, and everything that this process serves and asks over it. */
export interface App {
  /** What the transport promises, read from the live store or server. */
  readonly capabilities: Capabilities

  /**
   * Serves a contract: makes its channels and starts its handlers. Resolves when what is sent from now on will be handled.
   * Nothing is started where a fault is found; all faults are reported together: `HANDLER_MISSING`, `HANDLER_UNKNOWN`,
   * `HANDLER_DUPLICATE`, `OWNER_DUPLICATE`, `UNKNOWN_OPTION`, `INVALID_OPTION`, `UNSUPPORTED`, `INBOX_REQUIRED`; several of them
   * as one `INVALID_CONFIGURATION`. A service of another name in another process that owns the same aggregate is found where the
   * transport knows who is there (`knowsReceivers`): `OWNER_DUPLICATE` too. All subscriptions begin at once, and where one
   * cannot, with the transport's error, none stays.
   *
   * ```ts
   * await app.serve(Kitchen, {
   *   createTicket: async ({ payload, reply, publish }) => {
   *     await publish.Ticket.TicketAccepted(payload.orderId, { readyBy: '18:30' })
   *     return reply.TicketCreated({ ticketId: 't-1' })
   *   },
   *   remindCook: ({ payload }) => console.log('ring', payload.ticketId),
   * })
   * ```
   */
  serve<S extends ServiceShape>(
    contract: S,
    handlers: Handlers<S>,
    options?: ServeOptions<keyof S['documents'] & string>,
  ): Promise<ServiceHandle<S>>

  /**
   * A client of one contract. Nothing is opened before the first call. Every call has a deadline: its own `within`, else the
   * client's, else the app's.
   *
   * ```ts
   * const kitchen = app.client(Kitchen, { within: '2s' })
   * const outcome = await kitchen.createTicket({ orderId: 'o-1', lines: [] })
   * if (outcome.type === 'TicketCreated') console.log(outcome.payload.ticketId)
   * ```
   */
  client<S extends ServiceShape>(contract: S, options?: ClientOptions): Client<S>

  /**
   * Clients of several contracts, by the names given here.
   *
   * ```ts
   * const { kitchen, courier } = app.clients({ kitchen: Kitchen, courier: Courier }, { within: '2s' })
   * ```
   */
  clients<Services extends Readonly<Record<string, ServiceShape>>>(services: Services, options?: ClientOptions): Clients<Services>

  /**
   * Subscribes for as long as this process lives, with a copy of its own from now on: for live views, tests and caches. A
   * service that must miss nothing subscribes with `on` in its handlers.
   *
   * ```ts
   * const watching = await app.on(on(Kitchen.events.Ticket, { TicketAccepted: ({ key }) => console.log('accepted', key) }))
   * await watching.close()
   * ```
   */
  on(subscription: Subscription<Nobody>, options?: DeliveryOptions): Promise<Watching>

  /** Whether this process is alive and ready to work, and why not. */
  health(): Health

  /** How many deliveries were handled, failed, parked, … since the start; a copy. */
  counters(): Counters

  /** Every channel and group: what waits, what is parked. Rejects with `UNSUPPORTED` where the transport cannot look. */
  channels(): Promise<readonly Depth[]>

  /**
   * Messages whose attempts are spent, by the channel and group that failed at them.
   *
   * ```ts
   * for await (const letter of app.deadLetters.list({ channel: 'kitchen' })) console.log(letter.message.id, letter.code, letter.reason)
   * await app.deadLetters.redrive({ channel: 'kitchen' }, { code: 'ATTEMPTS_SPENT' })
   * ```
   */
  readonly deadLetters: Lot

  /** Messages that could not be decoded, did not fit their schema, or were known to nobody. */
  readonly invalidMessages: Lot

  /** Messages that were moved out of the way with their followers: until they are due, or until a person redrives or skips them. */
  readonly parked: ParkingLot

  /**
   * Ends it: takes nothing more, lets running handlers finish or gives their messages back, settles, sends what is under way,
   * then lets go of the transport. Requests that still wait reject with `CLOSED`. Idempotent. Rejects with `DRAIN_TIMEOUT` where
   * handlers still ran at the deadline (`within`, default the `drain` of `connect`, 10 s); their messages are delivered again.
   */
  close(options?: { readonly within?: Duration | undefined }): Promise<void>

  /**
   * Closes on these signals, then ends the process (`exit: false` leaves that to you). A second signal ends it at once. Nothing
   * listens to signals unless this is called. Throws `INVALID_OPTION` for what is no signal to close on.
   *
   * ```ts
   * app.closeOn(['SIGTERM', 'SIGINT'])
   * ```
   */
  closeOn(signals: readonly Signal[], options?: SignalOptions): void

  /** `await using app = await connect(…)`: closes at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>
}

/** An ephemeral subscription. */
export interface Watching {
  close(): Promise<void>
}
