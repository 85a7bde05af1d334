import { afterAll, describe, expect, it } from 'vitest'
import { scenariosOf } from '../../src/testing/conformance.ts'
import { conformance, hostedMember, type Scenario, type World } from '../../src/testing/index.ts'
import { amqp } from '../../src/transport/amqp/index.ts'
import { reachable } from '../rough/reachable.ts'
import { Environment, url } from './broker.ts'

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

/** They load the machine, or need it for themselves: one after the other. */
const alone = new Set(['2', '7', '9', '20', '22', '27', '30d'])
/**
 * Everything that a type of queue can change. Not all: a quorum queue takes three of the broker's file handles, and a broker that runs
 * under the usual limit of 1,024 has room for 300 of them.
 */
const onQuorum = [
  '1',
  '4',
  'order-1',
  'order-3',
  '26',
  '10',
  '7',
  'delays-1',
  'parking-2',
  'parking-4',
  'parking-7',
  'ownership-2',
  '31',
  'admin-3',
]

function suite(queues: 'classic' | 'quorum', shards: number, choose: (world: World) => readonly Scenario[]): void {
  const environment = new Environment(queues)
  const { prefix, driver, file } = environment
  const world: World = {
    name: `amqp (${queues})`,
    // A quorum queue is first used a moment after it was made: not while a scenario counts the time.
    member: () => amqp({ url, prefix, shards, queues, driver, ahead: queues === 'quorum' }),
    mortal: () => hostedMember(new URL('./member.ts', import.meta.url), [url, prefix, String(shards), queues, file]),
    patience: 30_000,
    overload: Number(process.env.PABAL_OVERLOAD ?? 2500),
  }
  describe.skipIf(!up)(`the seam on RabbitMQ, ${queues} queues`, () => {
    afterAll(() => environment.sweep(), 120_000)

    for (const { id, name, run, timeout } of choose(world)) {
      const test = alone.has(id) ? it : it.concurrent
      test(name, { timeout }, async () => expect(await run()).toBeDefined())
    }
  })
}

suite('classic', 4, conformance)
suite('quorum', 2, (world) => scenariosOf(world, onQuorum))
