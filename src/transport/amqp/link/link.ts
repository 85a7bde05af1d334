import type { Runtime } from '../../../runtime/runtime.ts'
import type { AmqpChannel, AmqpConnection, AmqpDriver } from '../driver.ts'
import { brief, openFault } from '../faults.ts'
import type { Settings } from '../options.ts'
import { Inflow } from '../wire/inflow.ts'
import { packed } from '../wire/packed.ts'
import { tryHandshake } from './handshake.ts'

/** Who uses a link: told of each new connection and of its end. Others are told when the first one to join has begun. */
export interface LinkUser {
  up(connection: AmqpConnection): Promise<void>
  down(): void
}

const firstWait = 100
const longestWait = 2000

/** One connection that is made again when it breaks, until it is closed. */
export class Link {
  readonly #driver: AmqpDriver
  readonly #settings: Settings
  readonly #runtime: Runtime
  readonly #label: string
  readonly #changed: () => void
  readonly #users: LinkUser[] = []
  #connection: AmqpConnection | undefined
  #waiting: { cancel(): void } | undefined
  #closed = false
  #lastRead = -1
  #lastHeard = 0
  #lastLooked = 0
  /** This process stood still: what it believes may be old. */
  #suspect = false
  #pulse: AmqpChannel | undefined
  #verifying: Promise<boolean> | undefined
  #listening: { cancel(): void } | undefined
  /** The first user has begun on this connection. */
  #led: Promise<void> | undefined
  /** Why there is no working connection. Undefined: there is one. */
  trouble: string | undefined = 'it is being opened'
  /** Why the broker takes no messages at the moment. */
  blocked: string | undefined

  constructor(driver: AmqpDriver, settings: Settings, runtime: Runtime, label: string, changed: () => void) {
    this.#driver = driver
    this.#settings = settings
    this.#runtime = runtime
    this.#label = label
    this.#changed = changed
  }

  get closed(): boolean {
    return this.#closed
  }

  get connection(): AmqpConnection | undefined {
    return this.trouble === undefined ? this.#connection : undefined
  }

  /** Is told at once where the link is up. Rejects where it cannot begin on a connection that holds; it is not among the users then. */
  async join(user: LinkUser): Promise<void> {
    this.#users.push(user)
    const connection = this.connection
    if (connection === undefined) return
    try {
      await this.#led
      if (this.#connection === connection) await user.up(connection)
    } catch (error) {
      // It is told of the next one.
      if (this.#connection !== connection) return
      this.leave(user)
      throw error
    }
  }

  leave(user: LinkUser): void {
    const at = this.#users.indexOf(user)
    if (at >= 0) this.#users.splice(at, 1)
  }

  /** The first connection: rejects with a coded error. Later ones are tried until it is closed. */
  async open(): Promise<AmqpConnection> {
    const { protocol, hostname, port, username, password, vhost, heartbeat, tls } = this.#settings
    const socket = {
      noDelay: true,
      timeout: 10_000,
      clientProperties: { connection_name: `pabal ${this.#settings.prefix} ${this.#label}` },
      ...tls,
    }
    let connection: AmqpConnection | undefined
    try {
      if (protocol === 'amqps') await tryHandshake(this.#settings)
      const address = { protocol, hostname, port, username, password, vhost: encodeURIComponent(vhost), heartbeat }
      const made = await this.#driver.connect(address, socket)
      connection = made
      let over = false
      made.on('error', () => undefined)
      made.on('close', (error) => {
        over = true
        this.#lost(made, error)
      })
      made.on('blocked', (reason) => this.#block(String(reason)))
      made.on('unblocked', () => this.#block(undefined))
      const pulse = await made.createChannel()
      pulse.on('error', () => undefined)
      if (over) throw new Error('the connection broke at once')
      if (!this.#closed) this.#begin(made, pulse)
      else made.close().catch(() => undefined)
      return made
    } catch (cause) {
      connection?.close().catch(() => undefined)
      throw openFault(cause, this.#settings)
    }
  }

  #begin(connection: AmqpConnection, pulse: AmqpChannel): void {
    packed(connection)
    Inflow.over(connection)
    this.#connection = connection
    this.#pulse = pulse
    this.trouble = undefined
    this.#lastRead = -1
    this.#lastLooked = this.#runtime.monotonic()
    this.#suspect = false
    this.#listen()
    const [first, ...others] = this.#users
    // The others talk through the first one: without it the connection is of no use.
    this.#led = first?.up(connection).catch(() => void connection.close().catch(() => undefined))
    void this.#led?.then(() => {
      for (const user of others) void this.again(user, connection)
    })
    this.#changed()
  }

  /** Tells a user of its connection, until it could begin or the connection is gone. No other user waits for it. */
  async again(user: LinkUser, connection: AmqpConnection, wait = 0): Promise<void> {
    // A channel ends before its connection is heard to end: that first.
    await (wait > 0 ? new Promise<void>((resolve) => void this.#runtime.timer(wait, resolve, true)) : undefined)
    if (this.#connection !== connection || !this.#users.includes(user)) return
    await user.up(connection).catch(() => this.again(user, connection, Math.min(longestWait, Math.max(firstWait, wait * 2))))
  }

  #block(reason: string | undefined): void {
    this.blocked = reason
    this.#changed()
  }

  #lost(connection: AmqpConnection, error: unknown): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.blocked = undefined
    this.trouble = `the connection to ${this.#settings.shown} is lost${error ? `: ${brief(error)}` : ''}`
    this.#listening?.cancel()
    for (const user of [...this.#users]) user.down()
    if (this.#closed) return
    this.#changed()
    this.#again(firstWait)
  }

  #again(wait: number): void {
    const jittered = wait * (0.5 + this.#runtime.random() / 2)
    this.#waiting = this.#runtime.timer(jittered, () => {
      this.open().catch((error: unknown) => {
        if (this.#closed) return
        this.trouble = brief(error)
        this.#changed()
        this.#again(Math.min(longestWait, wait * 2))
      })
    })
  }

  /** Whether the broker was heard of lately. Whoever stood still must `verify` before it believes that it still owns something. */
  get fresh(): boolean {
    this.#look()
    return !this.#suspect && this.connection !== undefined && this.#lastLooked - this.#lastHeard < this.#settings.heartbeat * 1250 + 500
  }

  /** Asks the broker. False: the connection is gone. */
  verify(): Promise<boolean> {
    const pulse = this.#pulse
    this.#verifying ??= (async () => {
      try {
        await pulse?.prefetch(0)
        this.#suspect = false
        this.#lastHeard = this.#runtime.monotonic()
        return pulse === this.#pulse && this.connection !== undefined
      } catch {
        return false
      } finally {
        this.#verifying = undefined
      }
    })()
    return this.#verifying
  }

  #listen(): void {
    this.#look()
    this.#listening = this.#runtime.timer(250, () => this.#listen(), true)
  }

  #look(): void {
    const now = this.#runtime.monotonic()
    if (now - this.#lastLooked > 1500) this.#suspect = true
    this.#lastLooked = now
    const wire = this.#connection?.connection as { stream?: { bytesRead?: number } } | undefined
    const read = wire?.stream?.bytesRead
    if (read === this.#lastRead && read !== undefined) return
    this.#lastRead = read ?? -1
    this.#lastHeard = now
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#waiting?.cancel()
    this.#listening?.cancel()
    this.trouble ??= 'it is closed'
    const connection = this.#connection
    if (connection === undefined) return
    await new Promise<void>((resolve) => {
      // A broker that does not answer must not keep us from ending.
      const timer = this.#runtime.timer(2000, () => {
        ;(connection.connection as { stream?: { destroy?(): void } } | undefined)?.stream?.destroy?.()
        resolve()
      })
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      connection.close().then(done, done)
    })
  }
}
