import { PabalError } from '../../errors.ts'

/** The part of amqplib 2 that is used, so that no type of it stands in what users compile. */
export interface AmqpDriver {
  connect(url: AmqpAddress, socket: object): Promise<AmqpConnection>
}

export interface AmqpAddress {
  readonly protocol: 'amqp' | 'amqps'
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
  readonly heartbeat: number
}

export interface AmqpConnection {
  /** The wire below. Its shape is not documented, so everything in it is looked at before it is used. */
  readonly connection?: unknown
  createChannel(): Promise<AmqpChannel>
  createConfirmChannel(): Promise<AmqpConfirmChannel>
  close(): Promise<void>
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

export interface AmqpProperties {
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly contentType?: unknown
  readonly messageId?: unknown
  readonly timestamp?: unknown
}

export interface AmqpMessage {
  readonly content: Uint8Array
  readonly fields: {
    readonly deliveryTag?: number | undefined
    readonly redelivered?: boolean | undefined
    readonly exchange?: string | undefined
    readonly routingKey?: string | undefined
  }
  readonly properties: AmqpProperties
}

export interface QueueFacts {
  readonly queue: string
  readonly messageCount: number
  readonly consumerCount: number
}

export interface AmqpChannel {
  assertQueue(queue: string, options?: object): Promise<QueueFacts>
  checkQueue(queue: string): Promise<QueueFacts>
  deleteQueue(queue: string): Promise<unknown>
  bindQueue(queue: string, exchange: string, pattern: string, args?: object): Promise<unknown>
  unbindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>
  assertExchange(exchange: string, type: string, options?: object): Promise<unknown>
  checkExchange(exchange: string): Promise<unknown>
  bindExchange(destination: string, source: string, pattern: string, args?: object): Promise<unknown>
  prefetch(count: number): Promise<unknown>
  recover(): Promise<unknown>
  consume(queue: string, take: (message: AmqpMessage | null) => void, options?: object): Promise<{ readonly consumerTag: string }>
  cancel(consumerTag: string): Promise<unknown>
  get(queue: string): Promise<AmqpMessage | false>
  ack(message: AmqpMessage, allUpTo?: boolean): void
  nack(message: AmqpMessage, allUpTo?: boolean, requeue?: boolean): void
  publish(exchange: string, routingKey: string, content: Uint8Array, options: object): boolean
  close(): Promise<void>
  on(event: string, listener: (...args: never[]) => void): unknown
}

export interface AmqpConfirmChannel extends Omit<AmqpChannel, 'publish'> {
  publish(exchange: string, routingKey: string, content: Uint8Array, options: object, confirmed: (error: unknown) => void): boolean
}

/** The driver that is installed beside Pabal. Throws `DRIVER_MISSING`. */
export async function loadDriver(): Promise<AmqpDriver> {
  try {
    const name = 'amqplib'
    const found = (await import(name)) as AmqpDriver & { readonly default?: AmqpDriver }
    return found.default ?? found
  } catch (cause) {
    throw new PabalError('DRIVER_MISSING', 'amqp: the package amqplib is not installed: run npm install amqplib', { cause })
  }
}
