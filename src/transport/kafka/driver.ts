import { PabalError } from '../../errors.ts'

/** The part of the driver that is used: its connections, with TLS and SASL. What travels on them is written in this folder. */
export interface Driver {
  readonly Connection: new (clientId: string, options: DriverConnectionOptions) => DriverConnection
  readonly Writer: { create(): DriverWriter }
  /** What other clients may have compressed records with, by Kafka's number. */
  readonly compressionsAlgorithmsByBitmask: Readonly<Record<number, { decompressSync(bytes: Buffer): Buffer }>>
}

export interface DriverConnectionOptions {
  readonly connectTimeout: number
  readonly requestTimeout: number
  readonly maxInflights: number
  readonly tls?: object
  readonly tlsServerName?: string | boolean
  readonly sasl?: { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string }
}

export interface DriverConnection {
  connect(host: string, port: number): void | Promise<void>
  close(): void | Promise<void>
  isConnected(): boolean
  // biome-ignore lint/suspicious/noExplicitAny: the arguments differ by event
  on(event: 'close' | 'error' | 'timeout', listener: (...args: any[]) => void): unknown
  send<T>(
    apiKey: number,
    apiVersion: number,
    createPayload: () => never,
    parse: (correlationId: number, apiKey: number, apiVersion: number, reader: DriverReader) => T,
    requestTags: boolean,
    responseTags: boolean,
    callback: (error: Error | null, answer?: T) => void,
  ): void
}

export interface DriverWriter {
  append(bytes: Buffer): DriverWriter
}

export interface DriverReader {
  readonly buffer: { readonly buffer: Buffer }
  readonly position: number
}

/** The driver, loaded when it is needed. Throws `DRIVER_MISSING`. */
export async function loadDriver(): Promise<Driver> {
  try {
    return await import('@platformatic/kafka')
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string }
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes('@platformatic/kafka')) throw cause
    throw new PabalError('DRIVER_MISSING', 'kafka: the package @platformatic/kafka is not installed', {
      cause,
      hint: 'npm install @platformatic/kafka',
    })
  }
}
