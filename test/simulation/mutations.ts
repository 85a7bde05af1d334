import type { Delivery, Receive, Settlement, SubscribeOptions, Transport } from '../../src/transport/seam.ts'

/** Transports that break one promise each, to show that the ledger notices. */
export type Mutation = 'ack before the handler' | 'drop the fence' | 'skip the shard gate'

/** The same transport, which tells of every delivery before it is received. */
export function watched(inner: Transport, seen: () => Promise<never> | undefined): Transport {
  return {
    ...delegate(inner),
    subscribe: (channel, options, receive) => inner.subscribe(channel, options, (delivery) => seen() ?? receive(delivery)),
  }
}

/** The same transport with one promise broken. */
export function broken(inner: Transport, mutation: Mutation): Transport {
  return {
    ...delegate(inner),
    subscribe(channel, options, receive) {
      if (mutation === 'ack before the handler') return inner.subscribe(channel, options, (delivery) => early(inner, delivery, receive))
      if (mutation === 'drop the fence') return inner.subscribe(channel, options, (delivery) => unfenced(inner, delivery, receive))
      const gate = new OpenGate(options, receive)
      return inner.subscribe(channel, gate.options, gate.receive)
    },
  }
}

function delegate(inner: Transport): Transport {
  return {
    name: inner.name,
    open: (listener) => inner.open(listener),
    provision: (channels, mode) => inner.provision(channels, mode),
    inbox: (owner, receive) => inner.inbox(owner, receive),
    send: (batch) => inner.send(batch),
    close: () => inner.close(),
    ...(inner.admin && { admin: inner.admin }),
    subscribe: (channel, options, receive) => inner.subscribe(channel, options, receive),
  }
}

/** Acknowledged when it is handed out; what its handler sends goes out when that is done. */
async function early(inner: Transport, delivery: Delivery, receive: Receive): Promise<Settlement> {
  void Promise.resolve(receive(delivery)).then((settlement) => ('emit' in settlement ? inner.send(settlement.emit) : undefined))
  return { emit: [] }
}

const notAborted = new AbortController().signal

/** Nobody is told of a lost shard, and what its former owner settles is carried out. */
async function unfenced(inner: Transport, delivery: Delivery, receive: Receive): Promise<Settlement> {
  const { message, shard, lost, parked, ahead, fence } = delivery
  const settlement = await receive({ message, shard, lost, parked, ahead, fence, signal: notAborted })
  if (delivery.signal.aborted && 'emit' in settlement) await inner.send(settlement.emit)
  return settlement
}

/** Gives a shard away while its handlers run. */
class OpenGate {
  readonly options: SubscribeOptions
  readonly receive: Receive
  readonly #out = new Map<string, Set<() => void>>()

  constructor(options: SubscribeOptions, receive: Receive) {
    this.options = {
      ...options,
      revoking: (shard) => {
        for (const release of this.#out.get(shard) ?? []) release()
        options.revoking?.(shard)
      },
    }
    this.receive = (delivery) =>
      new Promise((resolve, reject) => {
        let out = this.#out.get(delivery.shard)
        if (out === undefined) this.#out.set(delivery.shard, (out = new Set()))
        const release = (): void => resolve({ release: {} })
        out.add(release)
        Promise.resolve(receive(delivery))
          .finally(() => out.delete(release))
          .then(resolve, reject)
      })
  }
}
