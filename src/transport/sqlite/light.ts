import type { Channel } from '../../channel/channel.ts'
import { isPabalError, PabalError } from '../../errors.ts'
import { FrameWriter, readFrame } from '../../message/frame.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import type { Outgoing, Receive, SendResult } from '../seam.ts'
import type { StoreClient } from './client.ts'
import type { Outcome } from './mesh/queue.ts'
import type { Peers } from './peers.ts'
import { headEnd, placeIn, placeOf, type Route, ttlIn } from './route.ts'
import { type TransientBounds, TransientReceiver } from './transient.ts'

/** A transient message without a deadline of its own. */
const defaultTtl = 60_000

interface Seat {
  readonly unit: string
  readonly channel: Channel
  readonly group: string
  readonly receiver: TransientReceiver
}

/** The transient lane: messages that go from process to process, past the store. */
export class LightLane {
  readonly #peers: Peers
  readonly #store: StoreClient
  readonly #runtime: Runtime
  readonly #emit: (batch: readonly Outgoing[]) => void
  readonly #seats = new Map<string, Seat>()
  readonly #writer = new FrameWriter()
  #closed = false

  constructor(peers: Peers, store: StoreClient, runtime: Runtime, emit: (batch: readonly Outgoing[]) => void) {
    this.#peers = peers
    this.#store = store
    this.#runtime = runtime
    this.#emit = emit
  }

  /** The result is there at once where the receivers are known and keep up. */
  send(outgoing: Outgoing): SendResult | Promise<SendResult> {
    const failed = (error: unknown): PabalError =>
      isPabalError(error) ? error : new PabalError('SEND_FAILED', (error as Error).message, { cause: error, id: outgoing.message.id })
    try {
      const routes = this.#peers.routes(outgoing.channel.address)
      const outcome = routes === undefined ? this.#sendLater(outgoing) : this.#sendTo(routes, outgoing)
      return typeof outcome === 'string' ? outcome : outcome.catch(failed)
    } catch (error) {
      return failed(error)
    }
  }

  /** Somebody may have come whom this process does not know yet. */
  async #sendLater(outgoing: Outgoing): Promise<Outcome> {
    await this.#peers.refresh()
    const routes = this.#peers.routes(outgoing.channel.address)
    return routes === undefined ? 'no-receiver' : this.#sendTo(routes, outgoing)
  }

  #sendTo(routes: readonly Route[], outgoing: Outgoing): Outcome | Promise<Outcome> {
    if (routes.length === 1 || outgoing.channel.kind !== 'publish-subscribe') return this.#deliver(routes[0] as Route, outgoing)
    return Promise.all(routes.map((route) => this.#deliver(route, outgoing))).then((all) => (all.includes('sent') ? 'sent' : 'no-receiver'))
  }

  #deliver(route: Route, { message, ttl = defaultTtl }: Outgoing): Outcome | Promise<Outcome> {
    const member = route.next()
    // Packed for this process too: whoever receives it has a message of its own.
    this.#writer.put(route.head(ttl))
    this.#writer.write(message)
    const frame = this.#writer.pooled()
    if (member !== this.#peers.self) return this.#peers.sendTransient(member, frame)
    return this.take(frame) ? 'sent' : 'no-receiver'
  }

  /** False where nobody here reads what it is for. */
  take(frame: Buffer): boolean {
    const seat = this.#seats.get(placeIn(frame))
    seat?.receiver.take(readFrame(frame, headEnd(frame)), ttlIn(frame))
    return seat !== undefined
  }

  /** Begins to receive; what is returned ends it. */
  async open(unit: string, channel: Channel, group: string, bounds: TransientBounds, receive: Receive): Promise<() => Promise<void>> {
    const place = placeOf(channel.address, group)
    const seat: Seat = { unit, channel, group, receiver: new TransientReceiver(receive, bounds, this.#runtime, this.#emit) }
    this.#seats.set(place, seat)
    await this.#join(seat)
    // An inbox is known to whoever reads its address: nobody need be told.
    await (channel.kind === 'inbox' ? this.#peers.refresh() : this.#peers.announce())
    let open = true
    return async () => {
      if (!open) return
      open = false
      seat.receiver.close()
      if (this.#seats.get(place) === seat) this.#seats.delete(place)
      if (this.#closed) return
      await this.#store.call('leave', { unit, channel: channel.address, group, durable: false, ephemeral: true })
      await this.#peers.announce()
    }
  }

  /** After the others took this process for dead. */
  async rejoin(): Promise<void> {
    for (const seat of this.#seats.values()) await this.#join(seat)
  }

  async #join({ unit, channel: { address, kind }, group }: Seat): Promise<void> {
    await this.#store.call('join', { unit, channel: { address, kind }, group, durable: false, ephemeral: true })
  }

  close(): void {
    this.#closed = true
    for (const { receiver } of this.#seats.values()) receiver.close()
  }
}
