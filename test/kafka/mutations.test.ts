import { afterAll, describe } from 'vitest'
import { hostedMember, mutations } from '../../src/testing/index.ts'
import { kafka } from '../../src/transport/kafka/index.ts'
import { caught, grave } from '../conformance/caught.ts'
import { address, freshPrefix, kafkaThere, removeTopics } from './broker.ts'

describe.skipIf(!(await kafkaThere()))('a transport with a grave fault fails the suite: Kafka', { concurrent: true }, () => {
  const prefix = freshPrefix()
  afterAll(() => removeTopics(prefix))

  const world = {
    name: 'kafka',
    member: () => kafka({ brokers: [address], prefix, partitions: 6 }),
    mortal: () => hostedMember(new URL('./member.ts', import.meta.url), [address, prefix, '6']),
    patience: 15_000,
  }
  for (const mutation of mutations)
    if (grave.some((start) => mutation.name.startsWith(start))) caught(world, mutation, mutation.caughtBy.slice(0, 2))
})
