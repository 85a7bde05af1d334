import type * as real from 'amqplib'
import type { AmqpConnection, AmqpDriver } from '../../src/transport/amqp/index.ts'

// The driver as it is installed has what is used of it.
export const fits = (driver: typeof real): { connect(...given: Parameters<AmqpDriver['connect']>): Promise<AmqpConnection> } => driver
