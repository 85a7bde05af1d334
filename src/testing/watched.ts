import type { Outgoing, Receive, Transport } from '../transport/seam.ts'
import { wrap } from './wrap.ts'

/** Sees everything that the members of a test send, and what is under way. */
export class Watched {
  readonly sent: Outgoing[] = []
  #out = 0
  /** Of what is being read: addresses of channels. */
  readonly #read = new Set<string>()

  watch(inner: Transport): Transport {
    return wrap(inner, {
      send: async (batch) => {
        const results = await inner.send(batch)
        // what was refused was not sent
        this.sent.push(...batch.filter((_, index) => typeof results[index] === 'string'))
        return results
      },
      inbox: (owner, receive) => inner.inbox(owner, this.#counted(receive)),
      subscribe: (channel, options, receive) => {
        if (options.durable) this.#read.add(channel.address)
        return inner.subscribe(channel, options, this.#counted(receive))
      },
    })
  }

  /** What is under way, or undefined: nothing. A message that waits for a person is not. */
  async busy(looking: Transport): Promise<string | undefined> {
    if (this.#out > 0) return `${this.#out} messages are being handled`
    const { admin } = looking
    for (const { channel, group, waiting, parked } of (await admin?.depths()) ?? []) {
      if (waiting > 0 && this.#read.has(channel.address))
        return `${waiting} messages wait on ${channel.address}${group === undefined ? '' : ` for ${group}`}`
      if (parked === 0) continue
      const stored = (await admin?.browse({ channel, group, parked: true }, { limit: 10_000 })) ?? []
      const due = stored.filter(({ note }) => note?.due !== undefined)
      if (due.length > 0) return `${due.length} messages of ${channel.address} are parked until they are tried again`
    }
    return undefined
  }

  #counted(receive: Receive): Receive {
    return async (delivery) => {
      this.#out++
      try {
        const settlement = await receive(delivery)
        if ('emit' in settlement) this.sent.push(...settlement.emit)
        return settlement
      } finally {
        this.#out--
      }
    }
  }
}
