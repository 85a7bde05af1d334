import type { AmqpChannel, AmqpMessage } from '../driver.ts'
import { replyCode } from '../faults.ts'
import type { Ops } from '../link/ops.ts'
import { own, ownHeaderOf } from '../wire/wire.ts'
import { allOfThem, hasAll, inOrder } from './returned.ts'

/** How long nothing may come before it is taken for all, in milliseconds: a queue that somebody else reads gives nothing. */
const quiet = 400
/** How long it may take until what was read lies in the queue again, in milliseconds, and how often that is looked at. */
const backWithin = 1000
const lookEvery = 2
/** How many times more are read where what was asked for is not enough. */
const more = 4

export interface Wanted {
  /** How many are read first. */
  readonly first: number
  /** Whether these are enough; else it is read on, as far as it goes. */
  enough(messages: readonly AmqpMessage[]): boolean
}

/** So many, or all. */
export const atMost = (most: number): Wanted => ({ first: most, enough: (messages) => messages.length >= most })

/**
 * Reads a queue that nobody reads and lets `act` take some away; the rest goes back in its place. Undefined: the queue is not there, or
 * somebody else is its reader. It reads as an owner of a shard does: alone, from the front, and until one comes that nobody had before.
 * Where that is not enough it gives all back and takes more. `mayHave` is told how many before they are read.
 */
export async function whileOwning<T>(
  ops: Ops,
  queue: string,
  mayHave: (most: number) => Promise<void>,
  { first, enough }: Wanted,
  act: (messages: readonly AmqpMessage[], take: (message: AmqpMessage) => void) => Promise<T>,
): Promise<T | undefined> {
  try {
    for (let most = first; ; most *= more) {
      const { messageCount, consumerCount } = await ops.run((channel) => channel.checkQueue(queue))
      if (consumerCount > 0) return undefined
      const size = Math.min(most, messageCount, allOfThem)
      if (size > 0) await mayHave(size)
      const reading = new Reading(ops, queue)
      try {
        const messages = size > 0 ? await reading.read(size) : []
        const all = messages.length < size || size === messageCount || size === allOfThem
        if (all || (hasAll(messages, size, allOfThem) === 'all' && enough(messages)))
          return await act(inOrder(messages), (message) => reading.take(message))
      } finally {
        await reading.giveBack()
      }
    }
  } catch (error) {
    if (replyCode(error) === 404) return undefined
    throw error
  }
}

class Reading {
  readonly #ops: Ops
  readonly #queue: string
  readonly #out = new Set<AmqpMessage>()
  #channel: AmqpChannel | undefined

  constructor(ops: Ops, queue: string) {
    this.#ops = ops
    this.#queue = queue
  }

  async read(most: number): Promise<AmqpMessage[]> {
    const channel = await this.#ops.channel()
    this.#channel = channel
    const out = this.#out
    let enough = (): void => undefined
    const reading = new Promise<void>((resolve) => {
      enough = resolve
    })
    let came = 0
    channel.on('close', () => enough())
    await channel.prefetch(most)
    await channel.consume(this.#queue, (message) => {
      came++
      if (message !== null && ownHeaderOf(message, own.nudge) !== undefined) channel.ack(message)
      else if (message !== null) out.add(message)
      if (message === null || out.size >= most) enough()
    })
    for (let seen = -1; out.size < most && came !== seen; ) {
      seen = came
      await Promise.race([reading, this.#ops.pause(quiet)])
    }
    return [...out]
  }

  take(message: AmqpMessage): void {
    if (this.#out.delete(message)) this.#channel?.ack(message)
  }

  /** Resolves when the rest is there again. */
  async giveBack(): Promise<void> {
    const channel = this.#channel
    if (channel === undefined) return
    // What was acknowledged on it is through when it answers.
    const left = await channel.checkQueue(this.#queue).catch(() => undefined)
    await channel.close().catch(() => undefined)
    for (let waited = 0; left !== undefined && waited < backWithin; waited += lookEvery) {
      const now = await this.#ops.run((open) => open.checkQueue(this.#queue)).catch(() => undefined)
      if (now === undefined || now.messageCount >= left.messageCount + this.#out.size) break
      await this.#ops.pause(lookEvery)
    }
  }
}
