import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'
import { replyCode } from '../faults.ts'
import type { Ops } from '../link/ops.ts'
import { bufferOf } from '../wire/wire.ts'

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
        const texts = await this.#read()
        if (texts !== undefined) {
          for (const text of texts) found.set(text, JSON.parse(text) as Registered)
          return [...found.values()]
        }
        if (tries === 100) throw new PabalError('STORE_BUSY', `amqp: other processes read the queue ${this.#queue} all the time`)
      } catch (error) {
        // An environment that is not there has no channels.
        if (replyCode(error) === 404) return []
        if (replyCode(error) !== 403 || tries === 100) throw error
      }
      await this.#ops.pause(pauseMs)
    }
  }

  /** Undefined: somebody else reads. */
  #read(): Promise<string[] | undefined> {
    return this.#ops.alone(async (channel) => {
      const { messageCount, consumerCount } = await channel.checkQueue(this.#queue)
      // It has some or all of them at this moment.
      if (consumerCount > 0) return undefined
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
