import { join } from 'node:path'
import { startKafka, startRabbit, type Throwaway } from '../../../scripts/services/index.ts'
import { kafka } from '../../../scripts/services/kafka.ts'
import { rabbitmq } from '../../../scripts/services/rabbitmq.ts'
import { reachable } from '../../rough/reachable.ts'

export const transports = ['sqlite', 'amqp', 'kafka'] as const
export type TransportName = (typeof transports)[number]

/** Where a run takes place: a store in its folder, or a broker of its own, which may be killed too. */
export interface Stage {
  readonly url: string
  readonly broker?: Throwaway | undefined
  close(): Promise<void>
}

export async function openStage(transport: TransportName, folder: string): Promise<Stage> {
  if (transport === 'sqlite') return { url: `sqlite:${join(folder, 'store.db')}`, close: async () => {} }
  // Kafka lets nobody have a shorter session than 6 s unless told otherwise; here members die all the time
  const broker = await (transport === 'amqp' ? startRabbit() : startKafka({ config: ['group.min.session.timeout.ms=1000'] }))
  const url = transport === 'amqp' ? broker.url : `${broker.url}?sessionTimeout=3000`
  return { url, broker, close: () => broker.stop() }
}

/** Whether this machine can run such a stage: where the server of its kind listens, it is installed. */
export async function canStage(transport: TransportName): Promise<boolean> {
  if (transport === 'sqlite') return true
  return transport === 'amqp' ? await reachable('RabbitMQ', rabbitmq.port) : await reachable('Kafka', kafka.port)
}
