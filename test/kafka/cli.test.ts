import { afterAll, describe } from 'vitest'
import { onBroker } from '../cli/on-broker.ts'
import { address, freshPrefix, kafkaThere, removeTopics } from './broker.ts'

describe.skipIf(!(await kafkaThere()))('pabal on Kafka', () => {
  const prefix = freshPrefix()
  afterAll(() => removeTopics(prefix), 60_000)
  onBroker(`kafka://${address}?prefix=${prefix}&partitions=2`)
})
