import type { Runtime } from '../../runtime/runtime.ts'
import type { AmqpChannel, AmqpMessage } from './driver.ts'
import type { Ops } from './ops.ts'
import { headerOf, own } from './wire.ts'

const pause = (runtime: Runtime, ms: number): Promise<void> => new Promise((resolve) => void runtime.timer(ms, resolve))

/** Stored when it resolves: the question behind it is answered after it. */
export async function storeFence(channel: AmqpChannel, queue: string, fence: number): Promise<void> {
  channel.publish('', queue, Buffer.alloc(0), { persistent: true, headers: { [own.fence]: fence } })
  await channel.checkQueue(queue)
}

/**
 * A number that rises with every owner of a shard: one message in a queue of the environment, taken, replaced by a higher one and
 * then acknowledged, so that whoever takes it next sees a higher one even when this process dies in between.
 */
export class Fences {
  readonly #ops: Ops
  readonly #runtime: Runtime
  readonly #queue: string
  #next: Promise<number> | undefined

  constructor(ops: Ops, runtime: Runtime, queue: string) {
    this.#ops = ops
    this.#runtime = runtime
    this.#queue = queue
  }

  /** The next one; who asks in the same moment gets the same, for another shard. */
  next(): Promise<number> {
    this.#next ??= (async () => {
      await undefined
      const taking = this.#ops.run((channel) => this.#take(channel))
      this.#next = undefined
      return taking
    })()
    return this.#next
  }

  async #take(channel: AmqpChannel): Promise<number> {
    const held: AmqpMessage[] = []
    for (let tries = 0; held.length === 0 && tries < 200; tries++) {
      // All there are: several began at once when the queue was made.
      for (let message = await channel.get(this.#queue); message; message = await channel.get(this.#queue)) held.push(message)
      // Another member has it for a moment. Where it is gone for good, the time is above all that were.
      if (held.length === 0) await pause(this.#runtime, 5)
    }
    const last = Math.max(0, ...held.map((message) => Number(headerOf(message, own.fence)) || 0))
    const fence = Math.max(last + 1, this.#runtime.now())
    await storeFence(channel, this.#queue, fence)
    for (const message of held) channel.ack(message)
    return fence
  }
}
