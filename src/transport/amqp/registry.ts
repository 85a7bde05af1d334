import type { Channel } from '../../channel/channel.ts'
import { replyCode } from './faults.ts'
import type { Ops } from './ops.ts'
import { bufferOf } from './wire.ts'

/** A group of a channel, or a channel alone. */
export interface Registered {
  readonly channel: Channel
  readonly group?: string | undefined
}

const pauseMs = 20

/**
 * Which channels and groups there are: AMQP cannot list queues. Each is written once, as a message that stays in a queue of the
 * environment; who wants to know reads them all and gives them back.
 */
export class Registry {
  readonly #ops: Ops
  readonly #queue: string

  constructor(ops: Ops, queue: string) {
    this.#ops = ops
    this.#queue = queue
  }

  async add(registered: Registered): Promise<void> {
    await this.#ops.run(async (channel) => {
      channel.publish('', this.#queue, Buffer.from(JSON.stringify(registered)), { persistent: true, contentType: 'application/json' })
      // Answered after it.
      await channel.checkQueue(this.#queue)
    })
  }

  async all(): Promise<Registered[]> {
    const found = new Map<string, Registered>()
    // Whoever reads has them all for a moment; the next waits.
    for (let tries = 0; ; tries++) {
      try {
        for (const text of await this.#read()) found.set(text, JSON.parse(text) as Registered)
        return [...found.values()]
      } catch (error) {
        if (replyCode(error) !== 403 || tries === 100) throw error
        await this.#ops.pause(pauseMs)
      }
    }
  }

  #read(): Promise<string[]> {
    return this.#ops.alone(async (channel) => {
      const { messageCount } = await channel.checkQueue(this.#queue)
      const texts: string[] = []
      if (messageCount === 0) return texts
      await new Promise<void>((resolve, reject) => {
        channel.on('close', resolve)
        channel
          .consume(
            this.#queue,
            (message) => {
              if (message !== null) texts.push(bufferOf(message.content).toString('utf8'))
              if (message === null || texts.length >= messageCount) resolve()
            },
            { exclusive: true },
          )
          .catch(reject)
      })
      return texts
    })
  }
}
