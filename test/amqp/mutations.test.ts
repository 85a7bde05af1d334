import { afterAll, describe } from 'vitest'
import { hostedMember, mutations } from '../../src/testing/index.ts'
import { amqp } from '../../src/transport/amqp/index.ts'
import { caught, grave } from '../conformance/caught.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

describe.skipIf(!up)('a transport with a grave fault fails the suite: RabbitMQ', { concurrent: true }, () => {
  const environment = new Environment('mutation')
  const { prefix, driver, file } = environment
  afterAll(() => environment.sweep(), 120_000)

  const world = {
    name: 'amqp',
    member: () => amqp({ url, prefix, shards: 4, queues: 'classic', driver }),
    mortal: () => hostedMember(new URL('./member.ts', import.meta.url), [url, prefix, '4', 'classic', file]),
    patience: 6000,
  }
  for (const mutation of mutations)
    if (grave.some((start) => mutation.name.startsWith(start))) caught(world, mutation, mutation.caughtBy.slice(0, 2))
})
