import type { ServiceData, SubscriptionData } from '../contract/data.ts'
import type { DeliveryOptions } from '../delivery/policy.ts'
import type { Consumer, Counters } from '../delivery/types.ts'
import { Faults, PabalError } from '../errors.ts'
import { type Duration, milliseconds } from '../runtime/duration.ts'
import type { Depth, TransportState } from '../transport/seam.ts'
import type { Watching } from './app.ts'
import { type ClientOptions, clientOf } from './client.ts'
import { assertOpen, type Core } from './core.ts'
import { withForeign } from './foreign.ts'
import { type Health, healthOf } from './health.ts'
import { type Lot, lotsOf, type ParkingLot } from './lots.ts'
import { checkDeliveryOptions, policyOf, type ServeOptions } from './options.ts'
import { Owners } from './owners.ts'
import { type HandlersData, subscriptionsOf } from './plan.ts'
import { beside, consumeAll, eventLanes, type ServiceRuntime, startService } from './serve.ts'
import { closeOnSignals, type Signal, type SignalOptions } from './signals.ts'
import { voiceOf } from './voice.ts'

interface Started {
  readonly name: string
  readonly consumers: readonly Consumer[]
  stop(deadline: number): Promise<void>
}

/** The app as it runs, over plain data; `connect` returns it as the typed `App`. */
export class RunningApp {
  readonly #core: Core
  readonly #state: () => TransportState
  readonly deadLetters: Lot
  readonly invalidMessages: Lot
  readonly parked: ParkingLot
  readonly #owners = new Owners()
  readonly #started = new Set<Started>()
  readonly #starting = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined
  #deaf: (() => void)[] = []

  constructor(core: Core, state: () => TransportState) {
    this.#core = core
    this.#state = state
    const lots = lotsOf(core)
    this.deadLetters = lots.dead
    this.invalidMessages = lots.invalid
    this.parked = lots.parked
  }

  get capabilities() {
    return this.#core.capabilities
  }

  async serve(contract: ServiceData, handlers: HandlersData, options: ServeOptions = {}): Promise<ServiceRuntime> {
    assertOpen(this.#core, 'serve')
    let started: ServiceRuntime | undefined
    const closed = (): void => {
      if (started !== undefined) this.#started.delete(started)
    }
    started = await this.#track(startService(this.#core, this.#owners, contract, handlers, options, closed))
    this.#started.add(started)
    return started
  }

  client(contract: ServiceData, options: ClientOptions = {}): object {
    return clientOf(this.#core, contract, options)
  }

  clients(services: Readonly<Record<string, ServiceData>>, options: ClientOptions = {}): object {
    return Object.freeze(
      Object.fromEntries(Object.entries(services).map(([name, contract]) => [name, clientOf(this.#core, contract, options)])),
    )
  }

  async on(subscription: SubscriptionData, options: DeliveryOptions = {}): Promise<Watching> {
    assertOpen(this.#core, 'on')
    const faults = new Faults()
    const name = this.#core.settings.name
    const events = subscriptionsOf([subscription], 'app.on', faults)
    checkDeliveryOptions(options, 'app.on', faults)
    const policy = policyOf(this.#core.options, options, 'app.on', faults)
    faults.throwIfAny('INVALID_CONFIGURATION', 'app.on')
    const participant = {
      core: this.#core,
      as: name,
      voice: voiceOf(undefined, name, this.#core.settings.within),
      middleware: this.#core.options.middleware ?? [],
    }
    const lanes = eventLanes(events, participant, undefined).map((lane) => ({ ...lane, routes: withForeign(lane.routes) }))
    const consumers: Consumer[] = []
    await this.#track(
      (async () => {
        await this.#core.outbound.provision(lanes.flatMap(beside))
        consumers.push(...(await consumeAll(this.#core, lanes, policy)))
      })(),
    )
    const started: Started = {
      name: `on ${subscription.aggregate}`,
      consumers,
      stop: async (deadline) => void (await Promise.all(consumers.map((consumer) => consumer.close(deadline)))),
    }
    this.#started.add(started)
    return {
      close: async () => {
        await started.stop(this.#core.settings.drain)
        this.#started.delete(started)
      },
    }
  }

  health(): Health {
    return healthOf(this.#core, this.#state(), [...this.#started])
  }

  counters(): Counters {
    return { ...this.#core.counters }
  }

  async channels(): Promise<readonly Depth[]> {
    const { admin, name } = this.#core.transport
    if (admin === undefined) throw new PabalError('UNSUPPORTED', `channels: the transport ${name} cannot look into its channels`)
    return await admin.depths()
  }

  close(options: { readonly within?: Duration | undefined } = {}): Promise<void> {
    if (this.#closed === undefined) {
      const within = options.within === undefined ? this.#core.settings.drain : milliseconds(options.within, 'close: the option within')
      this.#closed = this.#close(within)
    }
    return this.#closed
  }

  closeOn(signals: readonly Signal[], options: SignalOptions = {}): void {
    this.#deaf.push(closeOnSignals(signals, options, () => this.close(options), this.#core.logger))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(within: number): Promise<void> {
    const core = this.#core
    const end = core.runtime.monotonic() + within
    core.phase = 'draining'
    await Promise.allSettled([...this.#starting])
    // Handlers that still run may ask and send: the inbox and the way out stay open until they have ended.
    const ends = await Promise.allSettled([...this.#started].map((each) => each.stop(Math.max(0, end - core.runtime.monotonic()))))
    core.phase = 'closed'
    await core.inbox.close().catch(() => undefined)
    await this.#flush(end)
    await core.transport.close()
    for (const stop of this.#deaf) stop()
    const failed = ends.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** Waits for sends that are under way, until the deadline. */
  #flush(end: number): Promise<void> {
    const { runtime, outbound } = this.#core
    return new Promise((resolve) => {
      const timer = runtime.timer(Math.max(0, end - runtime.monotonic()), resolve)
      void outbound.flushed().then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#starting.add(work)
    try {
      return await work
    } finally {
      this.#starting.delete(work)
    }
  }
}
