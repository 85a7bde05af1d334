import type { Channel } from '../../../channel/channel.ts'
import { PabalError } from '../../../errors.ts'
import type { Message } from '../../../message/message.ts'
import type { SendResult } from '../../seam.ts'
import { declare, exists, settle, type Wanted } from '../topology/declare.ts'
import type { Topology } from '../topology/topology.ts'
import { bufferOf, own, propertiesOf } from '../wire/wire.ts'
import type { Publisher } from './publisher.ts'

/** The shortest step, in milliseconds; each further one is twice as long. Less than this is waited for by the receiver. */
const step = 50
/** 50 ms × 2²⁹ are ten months. */
const mostLevels = 30

/**
 * Delays without a plugin: a ladder of queues, each of which holds a message for one fixed time and hands it down to the next. The steps
 * that a message takes are the binary digits of its delay, written into its headers, so that the broker does it all. Times of different
 * length in one queue would wait for each other.
 */
export class Delays {
  readonly #topology: Topology
  readonly #publisher: Publisher
  #levels: Promise<void>[] = []
  readonly #bound = new Map<string, Promise<void>>()

  constructor(topology: Topology, publisher: Publisher) {
    this.#topology = topology
    this.#publisher = publisher
  }

  send(
    channel: Channel,
    routingKey: string,
    message: Message,
    notBefore: number,
    deadline: number,
    wanted: (() => boolean) | undefined,
    done: (result: SendResult) => void,
  ): void {
    this.#prepare(channel, message, notBefore).then(
      ({ exchange, headers }) =>
        this.#publisher.publish({
          exchange,
          routingKey,
          content: bufferOf(message.body),
          properties: { ...propertiesOf(message, true, headers), mandatory: true },
          id: message.id,
          deadline,
          again: true,
          ...(wanted === undefined ? {} : { wanted }),
          done: (result) =>
            done(result === 'unrouted' ? new PabalError('SEND_FAILED', 'no queue takes delayed messages', { id: message.id }) : result),
        }),
      (error: PabalError) => done(error),
    )
  }

  async #prepare(
    channel: Channel,
    message: Message,
    notBefore: number,
  ): Promise<{ exchange: string; headers: Record<string, string | number> }> {
    const { names, runtime } = { names: this.#topology.names, runtime: this.#topology.runtime }
    const headers: Record<string, string | number> = { [own.due]: notBefore, [own.to]: channel.address }
    await this.#bind(channel)
    const steps = Math.floor((notBefore - runtime.now()) / step)
    const levels = steps <= 0 ? 0 : Math.floor(Math.log2(steps)) + 1
    if (levels > mostLevels)
      throw new PabalError('INVALID_OPTION', `${message.type}: a delay of more than ten months was asked for`, { id: message.id })
    await this.#ladder(levels)
    for (let level = 0; level < levels; level++) headers[waitHeader(level)] = Math.floor(steps / 2 ** level) % 2
    return { exchange: levels === 0 ? names.system('due') : names.system(`delay.${levels - 1}`), headers }
  }

  /** The steps up to the `levels`th, from below. */
  async #ladder(levels: number): Promise<void> {
    for (let level = 0; level < levels; level++) this.#levels[level] ??= this.#level(level)
    try {
      await Promise.all(this.#levels.slice(0, levels))
    } catch (error) {
      this.#levels = []
      throw error
    }
  }

  async #level(level: number): Promise<void> {
    const topology = this.#topology
    const { names, ops } = topology
    const here = names.system(`delay.${level}`)
    const below = level === 0 ? names.system('due') : names.system(`delay.${level - 1}`)
    // Made after its queue: where it is, that may be sent to.
    const entry: Wanted = { exchange: here, type: 'headers' }
    const there = await exists(ops, entry)
    const args = {
      ...topology.args(false),
      'x-message-ttl': step * 2 ** level,
      'x-dead-letter-exchange': below,
      ...deadLettering(topology),
    }
    const queue = { queue: here, args }
    await declare(ops, queue, 'create')
    if (!there) await settle(ops, [queue], 'get')
    await declare(ops, { exchange: below, type: 'headers' }, 'create')
    await declare(ops, entry, 'create')
    await ops.run(async (channel) => {
      await channel.bindQueue(here, here, '', { 'x-match': 'all', [waitHeader(level)]: 1 })
      await channel.bindExchange(below, here, '', { 'x-match': 'all', [waitHeader(level)]: 0 })
    })
  }

  /** What is due goes to its channel under its routing key. */
  #bind(channel: Channel): Promise<void> {
    const { names, ops } = this.#topology
    let bound = this.#bound.get(channel.address)
    if (bound === undefined) {
      const due = names.system('due')
      bound = (async () => {
        await declare(ops, { exchange: due, type: 'headers' }, 'create')
        await ops.run((open) => open.bindExchange(names.exchange(channel), due, '', { 'x-match': 'all', [own.to]: channel.address }))
      })()
      this.#bound.set(channel.address, bound)
      bound.catch(() => this.#bound.delete(channel.address))
    }
    return bound
  }
}

/** What leaves a quorum queue so leaves it when the next queue has it. */
const deadLettering = (topology: Topology): object =>
  topology.args(false)['x-queue-type'] === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' } : {}

const waitHeader = (level: number): string => `pabal:wait${level}`
