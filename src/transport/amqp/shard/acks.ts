import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpConfirmChannel } from '../driver.ts'
import { acknowledge } from '../wire/outflow.ts'
import { own } from '../wire/wire.ts'

/** What is acknowledged in one turn on a connection is written in one piece: a write costs more than what is in it. */
class Turn {
  static readonly #known = new WeakMap<object, Turn>()
  #waiting: (() => void)[] = []

  static of(channel: AmqpConfirmChannel): Turn {
    const connection = (channel as { readonly connection?: object }).connection ?? channel
    const known = Turn.#known.get(connection)
    if (known !== undefined) return known
    const made = new Turn()
    Turn.#known.set(connection, made)
    return made
  }

  /** Calls it at the end of this turn. */
  atEnd(flush: () => void, runtime: Runtime): void {
    if (this.#waiting.push(flush) === 1) runtime.timer(0, this.#end)
  }

  readonly #end = (): void => {
    for (const flush of this.#waiting.splice(0)) flush()
  }
}

/**
 * Acknowledges what is settled of a channel, once a turn: everything up to the last message before which nothing is unsettled at once, the
 * rest one by one. Delivery tags of a channel count up from 1 without gaps.
 */
export class Acks {
  readonly #queue: string
  readonly #channel: AmqpConfirmChannel
  readonly #runtime: Runtime
  readonly #turn: Turn
  /** The lowest tag that is not settled. */
  #floor = 1
  /** Settled above the floor; true where it was acknowledged by itself. */
  readonly #above = new Map<number, boolean>()
  #fresh: number[] = []
  /** The highest below the floor that the broker was not told of. It refuses a tag that was acknowledged before. */
  #untold = 0
  #planned = false

  constructor(channel: AmqpConfirmChannel, queue: string, runtime: Runtime) {
    this.#queue = queue
    this.#channel = channel
    this.#runtime = runtime
    this.#turn = Turn.of(channel)
  }

  settled(tag: number): void {
    if (tag === this.#floor) {
      this.#untold = this.#floor++
    } else {
      this.#above.set(tag, false)
      this.#fresh.push(tag)
    }
    if (this.#planned) return
    this.#planned = true
    this.#turn.atEnd(this.flush, this.#runtime)
  }

  /** Writes what is settled. */
  readonly flush = (): void => {
    this.#planned = false
    const above = this.#above
    for (let passed = above.get(this.#floor); passed !== undefined; passed = above.get(this.#floor)) {
      above.delete(this.#floor)
      if (!passed) this.#untold = this.#floor
      this.#floor++
    }
    try {
      if (this.#untold > 0) acknowledge(this.#channel, this.#untold, true)
      this.#untold = 0
      for (const tag of this.#fresh) {
        if (tag < this.#floor) continue
        acknowledge(this.#channel, tag, false)
        above.set(tag, true)
      }
    } catch {
      // The channel is gone, and with it everything that was not acknowledged: it comes again.
    }
    this.#fresh = []
  }

  /**
   * Resolves when the broker has what was acknowledged. A quorum queue's channel holds acknowledgements back while many are under way,
   * and forgets them when it closes: a message behind them, on the same channel, is confirmed when they are through.
   */
  async written(): Promise<void> {
    this.flush()
    if (this.#floor === 1 && this.#above.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = this.#runtime.timer(within, resolve)
      try {
        const properties = { headers: { [own.nudge]: 'behind' }, expiration: '1' }
        this.#channel.publish('', this.#queue, Buffer.alloc(0), properties, () => {
          timer.cancel()
          resolve()
        })
      } catch {
        timer.cancel()
        resolve()
      }
    })
  }
}

/** How long the broker may take to say that it has the acknowledgements, in milliseconds. */
const within = 2000
