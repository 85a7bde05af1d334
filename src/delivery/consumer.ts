import { PabalError } from '../errors.ts'
import type { Timer } from '../runtime/runtime.ts'
import type { Subscription } from '../transport/seam.ts'
import { Engine } from './engine.ts'
import type { Consumer, ConsumerOptions, Load } from './types.ts'

/**
 * Subscribes to a channel and treats what is delivered as the policy says. Resolves when what is sent from now on will be
 * delivered. Rejects with `UNSUPPORTED` where the policy asks for what the transport does not declare.
 */
export async function createConsumer(options: ConsumerOptions): Promise<Consumer> {
  const { transport, channel, group, durable, policy, capabilities } = options
  if (durable && policy.atEnd === 'park' && !capabilities.parks)
    throw new PabalError(
      'UNSUPPORTED',
      `The consumer of ${channel.address} asks for atEnd: 'park', and the transport ${transport.name} does not declare parks`,
      {
        hint: "Use atEnd: 'skip', or a transport that can park messages.",
      },
    )
  const engine = new Engine(options)
  const subscription = await transport.subscribe(
    channel,
    {
      group,
      durable,
      maxMessages: policy.maxMessages,
      maxBytes: policy.maxBytes,
      assigned: (shard, parked) => engine.assigned(shard, parked),
      revoking: (shard) => engine.revoking(shard),
    },
    engine.receive,
  )
  return new RunningConsumer(options, engine, subscription)
}

class RunningConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #engine: Engine
  readonly #subscription: Subscription
  #closed: Promise<void> | undefined = undefined

  constructor(options: ConsumerOptions, engine: Engine, subscription: Subscription) {
    this.#options = options
    this.#engine = engine
    this.#subscription = subscription
  }

  get load(): Load {
    return this.#engine.load
  }

  setConcurrency(value: number): void {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new PabalError(
        'INVALID_OPTION',
        `The concurrency of ${this.#options.channel.address} cannot be ${String(value)}: give a whole number from 1`,
      )
    this.#engine.concurrency = value
  }

  close(deadline: number): Promise<void> {
    this.#closed ??= this.#close(deadline)
    return this.#closed
  }

  async #close(deadline: number): Promise<void> {
    this.#subscription.stop()
    const finished = this.#engine.drain().then(() => this.#subscription.close())
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = this.#options.runtime.timer(deadline, () => {
        const error = this.#late(deadline)
        this.#engine.abort(error)
        // Its shards go to others; what still runs is fenced off by that.
        this.#subscription.close().catch(() => undefined)
        reject(error)
      })
    })
    try {
      await Promise.race([finished, late])
    } finally {
      timer?.cancel()
      finished.catch(() => undefined)
    }
  }

  #late(deadline: number): PabalError {
    const running = this.#engine.running.map(({ delivery: { message } }) => `${message.type} ${message.id}`)
    const more = running.length > 10 ? ` and ${running.length - 10} more` : ''
    const what = running.length === 0 ? 'settlements are not written' : `still running: ${running.slice(0, 10).join(', ')}${more}`
    return new PabalError(
      'DRAIN_TIMEOUT',
      `The consumer of ${this.#options.channel.address} was not drained within ${Math.round(deadline)} ms; ${what}`,
    )
  }
}
