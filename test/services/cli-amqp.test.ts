import { afterAll, describe } from 'vitest'
import { startRabbit } from '../../scripts/services/index.ts'
import { onBroker } from '../cli/on-broker.ts'

describe('pabal on RabbitMQ', async () => {
  const server = await startRabbit()
  afterAll(() => server.stop(), 60_000)
  onBroker(`${server.url}?shards=2&queues=classic`)
})
