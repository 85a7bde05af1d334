import type { Channel } from '../channel/channel.ts'
import { isPabalError, PabalError } from '../errors.ts'
import { checkMessage } from '../message/limits.ts'
import type { Message } from '../message/message.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Outgoing, SendResult, Transport } from '../transport/seam.ts'
import { textOf } from './validate.ts'

/** What may be under way at once. More is refused with `OVERLOADED`: a sender that does not wait must not fill the memory. */
const maxMessages = 100_000
const maxBytes = 256 * 1024 * 1024
const hint = 'Await what is sent before sending more.'

/** What is made of the transport's word on one message. */
export interface Receipt<T> {
  sent(result: SendResult, outgoing: Outgoing): T
  /** Where it could not be handed over: an asynchronous schema refused it, or its channel could not be made. Absent: `send` rejects. */
  refused?(error: unknown): T
}

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

  /** Refuses what cannot travel, before anything is written. `own`: see `checkMessage`. */
  check(outgoing: Outgoing, own = false): void {
    const fault = this.fault(outgoing, own)
    if (fault !== undefined) throw fault
  }

  /** Why it cannot travel; undefined where it can. */
  fault({ message, notBefore }: Outgoing, own = false): PabalError | undefined {
    if (notBefore !== undefined && !this.capabilities.delays)
      return new PabalError(
        'UNSUPPORTED',
        `${message.type}: a delay was asked for, and the transport ${this.transport.name} does not declare "delays"`,
        { id: message.id },
      )
    return checkMessage(message, this.capabilities.maxBytes, own)
  }

  /**
   * What the receipt makes of the transport's word, at once where the transport has it at once; rejects where the message could not
   * even be handed over. Throws what the receipt throws.
   */
  send<T>(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, receipt: Receipt<T>): T | Promise<T> {
    const { address } = channel
    if (
      this.#direct &&
      (this.#gates.size === 0 || !this.#gates.has(address)) &&
      (channel.kind === 'inbox' || this.#ready.get(address) === true) &&
      !(outgoing instanceof Promise)
    )
      return this.#hand(outgoing, receipt)
    return this.#queue(channel, outgoing, receipt)
  }

  /** Resolves when nothing is under way any more. */
  flushed(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  #hand<T>(outgoing: Outgoing, receipt: Receipt<T>): T | Promise<T> {
    const bytes = outgoing.message.body.byteLength
    if (this.#underWay >= maxMessages || this.#bytes + bytes > maxBytes) return receipt.sent(this.#overloaded(outgoing), outgoing)
    let sent: readonly SendResult[] | Promise<readonly SendResult[]>
    try {
      sent = this.transport.send([outgoing])
    } catch (error) {
      sent = [coded(error, outgoing.message)]
    }
    if (!('then' in sent)) return receipt.sent(sent[0] ?? 'sent', outgoing)
    this.#underWay++
    this.#bytes += bytes
    return sent.then(
      (results) => {
        this.#left(bytes)
        return receipt.sent(results[0] ?? 'sent', outgoing)
      },
      (error: unknown) => {
        this.#left(bytes)
        return receipt.sent(coded(error, outgoing.message), outgoing)
      },
    )
  }

  async #queue<T>(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, receipt: Receipt<T>): Promise<T> {
    let result: T | Promise<T>
    try {
      result = (await this.#inTurn(channel, outgoing, receipt)).result
    } catch (error) {
      if (receipt.refused === undefined) throw error
      return receipt.refused(error)
    }
    const kept = await result
    await this.runtime.point?.('send.after')
    return kept
  }

  /** Hands it over when everything before it on its channel has been. In a box, since it is not waited for here. */
  async #inTurn<T>(channel: Channel, outgoing: Outgoing | Promise<Outgoing>, receipt: Receipt<T>): Promise<{ result: T | Promise<T> }> {
    const { address } = channel
    if (outgoing instanceof Promise) outgoing.catch(() => undefined)
    if (this.#underWay >= maxMessages)
      throw new PabalError('OVERLOADED', `${this.#underWay} messages of this app are under way, which is the most`, { hint })
    const before = this.#gates.get(address)
    this.#underWay++
    const gate = (async () => {
      const [message, , provisioned] = await Promise.allSettled([outgoing, before, this.provision([channel])])
      if (message.status === 'rejected') throw message.reason
      if (provisioned.status === 'rejected') throw provisioned.reason
      await this.runtime.point?.('send.before')
      return { result: this.#hand(message.value, receipt) }
    })()
    this.#gates.set(address, gate)
    try {
      return await gate
    } finally {
      this.#left(0)
      if (this.#gates.get(address) === gate) this.#gates.delete(address)
    }
  }

  #overloaded({ message }: Outgoing): PabalError {
    const text = `${message.type}: ${this.#underWay} messages of this app with ${this.#bytes} bytes are under way, which is the most`
    return new PabalError('OVERLOADED', text, { id: message.id, hint })
  }

  #left(bytes: number): void {
    this.#bytes -= bytes
    if (--this.#underWay > 0) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function coded(error: unknown, message: Message): PabalError {
  if (isPabalError(error)) return error
  return new PabalError('SEND_FAILED', `${message.type}: ${textOf(error)}`, { id: message.id, cause: error })
}
