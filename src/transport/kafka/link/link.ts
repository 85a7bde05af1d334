import { isIP } from 'node:net'
import type { Driver, DriverConnection, DriverConnectionOptions, DriverReader } from '../driver.ts'
import { ByteReader, ByteWriter } from '../protocol/bytes.ts'
import { LinkFault } from '../protocol/codes.ts'
import type { Api } from '../protocol/protocol.ts'
import type { Address } from './address.ts'

/** What every connection of a transport shares. */
export interface Wiring {
  readonly driver: Driver
  readonly clientId: string
  readonly connection: DriverConnectionOptions
}

/** One connection to one broker, made when it is first needed and again after it was lost. It answers its requests in turn. */
export class Link {
  readonly address: Address
  readonly #wiring: Wiring
  readonly #options: Partial<DriverConnectionOptions>
  #connection: DriverConnection | undefined
  #connecting: Promise<DriverConnection> | undefined
  #closed = false

  constructor(wiring: Wiring, address: Address, options: Partial<DriverConnectionOptions> = {}) {
    this.#wiring = wiring
    this.address = address
    this.#options = options
  }

  /** The connection, where it is there. */
  get ready(): DriverConnection | undefined {
    return this.#connection?.isConnected() === true ? this.#connection : undefined
  }

  /** Rejects with a `LinkFault`. */
  async call<Ask, Answer>(api: Api<Ask, Answer>, ask: Ask): Promise<Answer> {
    const connection = this.ready ?? (await this.connect())
    const writer = new ByteWriter()
    api.write(writer, ask)
    return this.send(connection, api.key, api.version, [writer.take()], (bytes, at) => api.read(new ByteReader(bytes, at)))
  }

  /** A request whose bytes are written already, and whose answer is read by the caller. */
  send<T>(
    connection: DriverConnection,
    key: number,
    version: number,
    parts: readonly Buffer[],
    read: (bytes: Buffer, at: number) => T,
  ): Promise<T> {
    const { Writer } = this.#wiring.driver
    return new Promise((resolve, reject) => {
      connection.send(
        key,
        version,
        // The driver's own class of writers, which is not described here.
        () => {
          const writer = Writer.create()
          for (const part of parts) writer.append(part)
          return writer as never
        },
        (_correlation: number, _key: number, _version: number, reader: DriverReader) => read(reader.buffer.buffer, reader.position),
        false,
        false,
        (error, answer) => {
          if (error) reject(faultOf(error, this.address, false))
          else resolve(answer as T)
        },
      )
    })
  }

  connect(): Promise<DriverConnection> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<DriverConnection> {
    if (this.#closed) throw new LinkFault('the connection is closed', { unsent: true })
    const { driver, clientId, connection: options } = this.#wiring
    const { host, port } = this.address
    const connection = new driver.Connection(clientId, {
      ...options,
      ...this.#options,
      // An address has no name.
      ...(options.tls === undefined || isIP(host) > 0 ? {} : { tlsServerName: true }),
    })
    // Told by the requests that fail of it.
    connection.on('error', () => undefined)
    try {
      await connection.connect(host, port)
    } catch (error) {
      void Promise.resolve(connection.close()).catch(() => undefined)
      throw faultOf(error as Error, this.address, true)
    }
    if (this.#closed) {
      void Promise.resolve(connection.close()).catch(() => undefined)
      throw new LinkFault('the connection is closed', { unsent: true })
    }
    this.#connection = connection
    return connection
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.resolve(this.#connection?.close()).catch(() => undefined)
  }
}

/** The driver wraps errors in errors; what they say never holds a password. */
function faultOf(error: Error, { host, port }: Address, unsent: boolean): LinkFault {
  const said = [...new Set(chainOf(error))].join(': ')
  const hopeless = /SASL|authentication|Authentication|requires TLS|certificate|self.signed|TLS handshake|wrong version number|alert/.test(
    said,
  )
  return new LinkFault(`${host}:${port}: ${said}`, { unsent, hopeless, cause: error })
}

function chainOf(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const { errors, cause } = error as { errors?: readonly unknown[]; cause?: unknown }
  return [error.message.replace(/\.$/, ''), ...(errors ?? []).flatMap(chainOf), ...chainOf(cause)]
}
