import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel, AmqpMessage } from '../driver.ts'
import type { Ops } from '../link/ops.ts'
import { own, ownHeaderOf } from '../wire/wire.ts'

const pause = (runtime: Runtime, ms: number): Promise<void> => new Promise((resolve) => void runtime.timer(ms, resolve))

/** Stored when it resolves: the question behind it is answered after it. */
export async function storeFence(channel: AmqpChannel, queue: string, fence: number, most = 0): Promise<void> {
  channel.publish('', queue, Buffer.alloc(0), { persistent: true, headers: { [own.fence]: fence, [own.most]: most } })
  await channel.checkQueue(queue)
}

export interface Fence {
  readonly fence: number
  /** How many messages of one queue anybody may have been given at once. */
  readonly most: number
}

/**
 * A number that rises with every owner of a shard: one message in a queue of the environment, taken, replaced by a higher one and
 * then acknowledged, so that whoever takes it next sees a higher one even when this process dies in between. Beside it stands
 * how many messages of a queue a reader may have had.
 */
export class Fences {
  readonly #ops: Ops
  readonly #runtime: Runtime
  readonly #queue: string
  #next: Promise<Fence> | undefined
  /** What readers of this process may have, and what of it others can know. */
  #most = 0
  #known = 1

  constructor(ops: Ops, runtime: Runtime, queue: string) {
    this.#ops = ops
    this.#runtime = runtime
    this.#queue = queue
  }

  /** The next one; who asks in the same moment gets the same, for another shard. */
  next(): Promise<Fence> {
    this.#next ??= (async () => {
      await undefined
      const taking = this.#ops.run((channel) => this.#take(channel))
      this.#next = undefined
      return taking
    })()
    return this.#next
  }

  /** Resolves when whoever takes over a shard learns that a reader may have so many. */
  async reading(most: number): Promise<void> {
    this.#most = Math.max(this.#most, most)
    if (most > this.#known) await this.next()
  }

  async #take(channel: AmqpChannel): Promise<Fence> {
    const held: AmqpMessage[] = []
    for (let tries = 0; held.length === 0 && tries < 200; tries++) {
      // All there are: several began at once when the queue was made.
      for (let message = await channel.get(this.#queue); message; message = await channel.get(this.#queue)) held.push(message)
      // Another member has it for a moment. Where it is gone for good, the time is above all that were.
      if (held.length === 0) await pause(this.#runtime, 5)
    }
    const last = Math.max(0, ...held.map((message) => Number(ownHeaderOf(message, own.fence)) || 0))
    const fence = Math.max(last + 1, this.#runtime.now())
    const most = Math.max(this.#most, ...held.map((message) => Number(ownHeaderOf(message, own.most)) || 0))
    await storeFence(channel, this.#queue, fence, most)
    for (const message of held) channel.ack(message)
    this.#known = Math.max(this.#known, most)
    return { fence, most }
  }
}
