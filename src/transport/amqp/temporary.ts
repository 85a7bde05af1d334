import type { AmqpChannel, AmqpMessage } from './driver.ts'
import { replyCode } from './faults.ts'
import type { Ops } from './ops.ts'
import { headerOf, own } from './wire.ts'

/** How long nothing may come before it is taken for all, in milliseconds: a queue that somebody else reads gives nothing. */
const quiet = 400
/** How long it may take until what was read lies in the queue again, in milliseconds, and how often that is looked at. */
const backWithin = 1000
const lookEvery = 2
/** How many more are read at a time where what was asked for is not enough. */
const more = 8
/** The most that a consumer may have out. */
export const allOfThem = 65_535

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
 * somebody else is its reader.
 */
export async function whileOwning<T>(
  ops: Ops,
  queue: string,
  type: 'classic' | 'quorum',
  wanted: Wanted,
  act: (messages: readonly AmqpMessage[], take: (message: AmqpMessage) => void) => Promise<T>,
): Promise<T | undefined> {
  const reading = new Reading(ops, queue, type === 'quorum')
  try {
    const { messageCount, consumerCount } = await ops.run((channel) => channel.checkQueue(queue))
    if (consumerCount > 0) return undefined
    if (messageCount > 0) await reading.read(wanted, messageCount)
    return await act(reading.messages, (message) => reading.take(message))
  } catch (error) {
    if (replyCode(error) === 404) return undefined
    throw error
  } finally {
    await reading.giveBack()
  }
}

interface Part {
  readonly channel: AmqpChannel
  readonly tag: string
  readonly out: Set<AmqpMessage>
}

/**
 * What a quorum queue gets back it gives out before everything else, but behind what it got back before: whoever gives back the first
 * of many that were read once has put it behind them. So it is read on, each part by a consumer of its own, until one comes that
 * nobody had before; then the parts are given back in order.
 */
class Reading {
  readonly messages: AmqpMessage[] = []
  readonly #ops: Ops
  readonly #queue: string
  readonly #turns: boolean
  readonly #parts: Part[] = []

  /** `turns`: the queue puts what it gets back behind what it got back before. */
  constructor(ops: Ops, queue: string, turns: boolean) {
    this.#ops = ops
    this.#queue = queue
    this.#turns = turns
  }

  async read({ first, enough }: Wanted, count: number): Promise<void> {
    for (let most = first; this.messages.length < count && this.messages.length < allOfThem; ) {
      const before = this.messages.length
      const size = Math.min(most, count - before, allOfThem)
      await this.#part(size)
      if (this.messages.length - before < size) break
      const had = this.#turns && this.messages.at(-1)?.fields.redelivered === true
      const done = enough(this.messages)
      if (done && !had) break
      most = done ? more : first
    }
  }

  async #part(most: number): Promise<void> {
    await this.#stop()
    const channel = await this.#ops.channel()
    const out = new Set<AmqpMessage>()
    const part = { channel, tag: `look.${this.#parts.length}`, out }
    this.#parts.push(part)
    let enough = (): void => undefined
    const reading = new Promise<void>((resolve) => {
      enough = resolve
    })
    let came = 0
    channel.on('close', () => enough())
    await channel.prefetch(most)
    const take = (message: AmqpMessage | null): void => {
      came++
      if (message !== null && headerOf(message, own.nudge) !== undefined) channel.ack(message)
      else if (message !== null) {
        out.add(message)
        this.messages.push(message)
      }
      if (message === null || out.size >= most) enough()
    }
    await channel.consume(this.#queue, take, { consumerTag: part.tag })
    for (let seen = -1; out.size < most && came !== seen; ) {
      seen = came
      await Promise.race([reading, this.#ops.pause(quiet)])
    }
  }

  /** Nothing more comes to the last part. */
  async #stop(): Promise<void> {
    const last = this.#parts.at(-1)
    await last?.channel.cancel(last.tag).catch(() => undefined)
  }

  take(message: AmqpMessage): void {
    for (const { channel, out } of this.#parts) if (out.delete(message)) channel.ack(message)
  }

  /** Each part is there again before the next follows. Who read meanwhile would find what is behind it. */
  async giveBack(): Promise<void> {
    if (this.#parts.length > 1) await this.#stop()
    for (const { channel, out } of this.#parts) {
      // What was acknowledged on it is through when it answers.
      const left = await channel.checkQueue(this.#queue).catch(() => undefined)
      await channel.close().catch(() => undefined)
      for (let waited = 0; left !== undefined && waited < backWithin; waited += lookEvery) {
        const now = await this.#ops.run((open) => open.checkQueue(this.#queue)).catch(() => undefined)
        if (now === undefined || now.messageCount >= left.messageCount + out.size) break
        await this.#ops.pause(lookEvery)
      }
    }
  }
}
