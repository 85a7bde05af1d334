import { afterAll, describe, test } from 'vitest'
import { conformance, hostedMember, type World } from '../../src/testing/index.ts'
import { kafka } from '../../src/transport/kafka/index.ts'
import { address, freshPrefix, kafkaThere, removeTopics } from './broker.ts'

const prefix = freshPrefix()
const partitions = 6

const world: World = {
  name: 'kafka',
  member: () => kafka({ brokers: [address], prefix, partitions }),
  mortal: () => hostedMember(new URL('./member.ts', import.meta.url), [address, prefix, String(partitions)]),
  // A takeover takes a session timeout of 6 s, then a rebalance; and many scenarios share few cores.
  patience: 30_000,
  overload: Number(process.env.PABAL_OVERLOAD ?? 2500),
}

/** They send so much that the others would wait for them. */
const alone = ['2', '7', '22', '27', '30', '30b', '30d', '30e']

describe.skipIf(!(await kafkaThere()))('kafka', () => {
  afterAll(() => removeTopics(prefix))

  const scenarios = conformance(world)
  for (const { id, name, run, timeout } of scenarios) {
    const how = alone.includes(id) ? test : test.concurrent
    how(name, { timeout: Math.max(150_000, timeout) }, () => run())
  }
})
