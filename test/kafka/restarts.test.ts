import { afterAll, beforeAll, describe, test } from 'vitest'
import { startKafka, type Throwaway } from '../../scripts/services/throwaway.ts'
import { kafka } from '../../src/transport/kafka/index.ts'
import type { Transport, TransportState } from '../../src/transport/seam.ts'
import { restartedAtThirds } from '../conformance/restarted.ts'
import { kafkaThere } from './broker.ts'

describe.skipIf(!(await kafkaThere()))('a broker that is restarted', () => {
  let server: Throwaway
  const opened: Transport[] = []
  beforeAll(async () => {
    server = await startKafka()
  }, 120_000)
  afterAll(async () => {
    await Promise.all(opened.map((transport) => transport.close()))
    await server?.stop()
  }, 60_000)

  async function member(states: TransportState[] = []) {
    const transport = kafka({ brokers: [`127.0.0.1:${server.port}`], partitions: 8 })
    opened.push(transport)
    await transport.open((state) => states.push(state))
    return transport
  }

  test('at one and two thirds of 10,000 messages of 100 producers: all arrive, in order for each key (13)', {
    timeout: 180_000,
  }, async () => {
    const states: TransportState[] = []
    await restartedAtThirds({ server, sender: await member(states), states, consumer: await member(), patience: 40_000 })
  })
})
