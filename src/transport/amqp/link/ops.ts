import { PabalError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel, AmqpConnection } from '../driver.ts'
import { replyCode } from '../faults.ts'
import { own } from '../wire/wire.ts'
import type { Link } from './link.ts'
import { shut } from './shut.ts'

const most = 4
/** In milliseconds. */
const answersWithin = 3000

/** Channels for questions and declarations: a refused one closes its channel, so a new one is taken for the next. */
export class Ops {
  readonly #link: Link
  readonly #runtime: Runtime
  readonly #patience: number
  readonly #idle: AmqpChannel[] = []
  #open = 0
  readonly #waiting: (() => void)[] = []

  /** `patience`: how many milliseconds an outage is waited for. */
  constructor(link: Link, runtime: Runtime, patience: number) {
    this.#link = link
    this.#runtime = runtime
    this.#patience = patience
  }

  /** Runs it on a channel of its own for as long as it takes. */
  async run<T>(work: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    while (this.#open >= most) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#open++
    let channel: AmqpChannel | undefined
    try {
      const connection = await this.#connection()
      channel = this.#idle.pop()
      if (channel === undefined) {
        const made = await connection.createChannel()
        made.on('error', () => undefined)
        made.on('close', () => this.#forget(made))
        channel = made
      }
      const result = await work(channel)
      if (this.#link.connection === connection) this.#idle.push(channel)
      return result
    } catch (error) {
      // The channel may be closed by what went wrong.
      await shut(channel)
      throw error
    } finally {
      this.#open--
      this.#waiting.shift()?.()
    }
  }

  /** What may be done twice: where the connection ends meanwhile it is done again on the next, as long as an outage is waited for. */
  async again<T>(work: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const until = this.#runtime.monotonic() + this.#patience
    for (;;) {
      const { connection } = this.#link
      try {
        return await this.run(work)
      } catch (error) {
        const ended = connection !== undefined && this.#link.connection !== connection
        const refused = error instanceof PabalError || replyCode(error) !== undefined
        if (refused || this.#link.closed || this.#runtime.monotonic() >= until) throw error
        // It is told that the connection ended a moment after the channel is.
        if (!ended) await this.pause(50)
      }
    }
  }

  /** On a channel that is closed at its end: what was delivered on it and not acknowledged goes back. */
  async alone<T>(work: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    const channel = await this.channel()
    try {
      return await work(channel)
    } finally {
      await shut(channel)
    }
  }

  /** One that its user closes. */
  async channel(): Promise<AmqpChannel> {
    const channel = await (await this.#connection()).createChannel()
    channel.on('error', () => undefined)
    return channel
  }

  /** Whether a queue answers: it takes a message that says nothing, or gives one that goes back. */
  async answers(queue: string, asks: 'nudge' | 'get'): Promise<boolean> {
    const channel = await (await this.#connection()).createConfirmChannel()
    channel.on('error', () => undefined)
    let timer: { cancel(): void } | undefined
    try {
      return await new Promise<boolean>((resolve, reject) => {
        timer = this.#runtime.timer(answersWithin, () => resolve(false))
        channel.on('close', () => reject(new Error('the channel was closed')))
        if (asks === 'get') {
          channel.get(queue).then(() => resolve(true), reject)
          return
        }
        // There is no such queue.
        channel.on('return', () => resolve(false))
        const properties = { mandatory: true, headers: { [own.nudge]: 'asks' }, expiration: '1' }
        channel.publish('', queue, Buffer.alloc(0), properties, (error) => (error ? reject(error) : resolve(true)))
      })
    } finally {
      timer?.cancel()
      // One that hangs is closed when the queue answers.
      void shut(channel)
    }
  }

  get closed(): boolean {
    return this.#link.closed
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#runtime.timer(ms, resolve, true))
  }

  async #connection(): Promise<AmqpConnection> {
    const until = this.#runtime.monotonic() + this.#patience
    for (;;) {
      const { connection, trouble, closed } = this.#link
      if (connection !== undefined) return connection
      if (closed || this.#runtime.monotonic() >= until) throw new PabalError('BROKER_UNREACHABLE', trouble ?? 'there is no connection')
      await new Promise<void>((resolve) => void this.#runtime.timer(50, resolve))
    }
  }

  #forget(channel: AmqpChannel): void {
    const at = this.#idle.indexOf(channel)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}
