import type { Channel } from '../channel/channel.ts'
import { isPabalError, PabalError } from '../errors.ts'
import { checkMessage } from '../message/limits.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Outgoing, SendResult, Transport } from '../transport/seam.ts'
import { isPromise, textOf } from './validate.ts'

/** What may be under way at once. More is refused with `OVERLOADED`: a sender that does not wait must not fill the memory. */
const maxMessages = 100_000
const maxBytes = 256 * 1024 * 1024

/**
 * The way out of an app: everything that is sent and is not part of a settlement. It makes channels on first use, keeps
 * the order in which `send` was called per channel (also where a schema is asynchronous), and knows what is under way.
 */
export class Outbound {
  readonly transport: Transport
  readonly capabilities: Capabilities
  readonly runtime: Runtime
  readonly #mode: 'create' | 'check'
  readonly #ready = new Map<string, true | Promise<void>>()
  /** Per channel the last send that has not reached the transport yet; whoever comes later waits behind it. */
  readonly #gates = new Map<string, Promise<unknown>>()
  readonly #direct: boolean
  #underWay = 0
  #bytes = 0
  #idle: (() => void)[] = []

  constructor(transport: Transport, capabilities: Capabilities, runtime: Runtime, mode: 'create' | 'check') {
    this.transport = transport
    this.capabilities = capabilities
    this.runtime = runtime
    this.#mode = mode
    this.#direct = runtime.point === undefined
  }

  /** Makes (or checks) the channels, once each. */
  async provision(channels: readonly Channel[]): Promise<void> {
    const missing = channels.filter((channel) => channel.kind !== 'inbox' && !this.#ready.has(channel.address))
    if (missing.length > 0) {
      const made = this.transport.provision(missing, this.#mode)
      for (const { address } of missing) this.#ready.set(address, made)
      try {
        await made
        for (const { address } of missing) this.#ready.set(address, true)
      } catch (error) {
        for (const { address } of missing) this.#ready.delete(address)
        throw error
      }
    }
    for (const { address } of channels) {
      const state = this.#ready.get(address)
      if (state !== undefined && state !== true) await state
    }
  }

  /** Refuses what cannot travel, before anything is written. */
  check(outgoing: Outgoing): void {
    const { message } = outgoing
    const fault = checkMessage(message, this.capabilities.maxBytes)
    if (fault !== undefined) throw fault
    if (outgoing.notBefore !== undefined && !this.capabilities.delays)
      throw new PabalError(
        'UNSUPPORTED',
        `${message.type}: a delay was asked for, and the transport ${this.transport.name} does not declare "delays"`,
        { id: message.id },
      )
  }

  /** Resolves with the transport's word on this message; rejects with a `PabalError` where it could not even be handed over. */
  send(channel: Channel, outgoing: Outgoing | Promise<Outgoing>): Promise<SendResult> {
    const { address } = channel
    if (
      this.#direct &&
      !this.#gates.has(address) &&
      (this.#ready.get(address) === true || channel.kind === 'inbox') &&
      !isPromise(outgoing)
    )
      return this.#hand(outgoing)
    return this.#queue(channel, outgoing)
  }

  /** Resolves when nothing is under way any more. */
  flushed(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  #hand(outgoing: Outgoing): Promise<SendResult> {
    const bytes = outgoing.message.body.byteLength
    if (this.#underWay >= maxMessages || this.#bytes + bytes > maxBytes) return Promise.resolve(this.#overloaded(outgoing))
    this.#underWay++
    this.#bytes += bytes
    let sent: Promise<readonly SendResult[]>
    try {
      sent = this.transport.send([outgoing])
    } catch (error) {
      sent = Promise.reject(error)
    }
    return sent.then(
      (results) => {
        this.#left(bytes)
        return results[0] ?? 'sent'
      },
      (error: unknown) => {
        this.#left(bytes)
        return isPabalError(error)
          ? error
          : new PabalError('SEND_FAILED', `${outgoing.message.type}: ${textOf(error)}`, { id: outgoing.message.id, cause: error })
      },
    )
  }

  async #queue(channel: Channel, outgoing: Outgoing | Promise<Outgoing>): Promise<SendResult> {
    const { address } = channel
    if (this.#underWay >= maxMessages)
      throw new PabalError('OVERLOADED', `${this.#underWay} messages of this app are under way, which is the most`, {
        hint: 'Await what is sent before sending more.',
      })
    const before = this.#gates.get(address)
    this.#underWay++
    let handed: Promise<SendResult> | undefined
    const gate = (async () => {
      const made = await Promise.allSettled([outgoing, before, this.provision([channel])])
      const [message, , provisioned] = made
      if (message.status === 'rejected') throw message.reason
      if (provisioned.status === 'rejected') throw provisioned.reason
      await this.runtime.point?.('send.before')
      handed = this.#hand(message.value)
    })()
    this.#gates.set(address, gate)
    try {
      await gate
    } finally {
      this.#left(0)
      if (this.#gates.get(address) === gate) this.#gates.delete(address)
    }
    const result = await (handed as unknown as Promise<SendResult>)
    await this.runtime.point?.('send.after')
    return result
  }

  #overloaded({ message }: Outgoing): PabalError {
    return new PabalError(
      'OVERLOADED',
      `${message.type}: ${this.#underWay} messages of this app with ${this.#bytes} bytes are under way, which is the most`,
      { id: message.id, hint: 'Await what is sent before sending more.' },
    )
  }

  #left(bytes: number): void {
    this.#bytes -= bytes
    if (--this.#underWay > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
