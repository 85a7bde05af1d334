import { afterAll, describe, expect, it } from 'vitest'
import { conformance, hostedMember, type World } from '../../src/testing/index.ts'
import { amqp } from '../../src/transport/amqp/index.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

/** Quorum queues take longer to make, so a few shards do. */
const environment = new Environment('conf')
const [shards, queues] = [4, 'quorum'] as const
const { prefix, driver, file } = environment

const world: World = {
  name: 'amqp',
  member: () => amqp({ url, prefix, shards, queues, driver }),
  mortal: () => hostedMember(new URL('./member.ts', import.meta.url), [url, prefix, String(shards), queues, file]),
  patience: 20_000,
}

/** They load the machine, or need it for themselves: one after the other. */
const alone = new Set(['2', '7', '9', '20', '22', '27', '30d'])

describe.skipIf(!up)('the seam on RabbitMQ', () => {
  afterAll(() => environment.sweep(), 60_000)

  for (const { id, name, run, timeout } of conformance(world)) {
    const test = alone.has(id) ? it : it.concurrent
    test(name, { timeout }, async () => expect(await run()).toBeDefined())
  }
})
