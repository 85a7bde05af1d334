import { Admin } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { kafka } from '../../scripts/services/kafka.ts'
import { rabbitmq } from '../../scripts/services/rabbitmq.ts'
import { demo, lastObject } from '../examples/run-demo.ts'
import { canStage, type TransportName } from './chaos/stage.ts'

// Not beside the conformance suite: a broker that may open 1,024 files has room for the queues of one of them.
describe.each(['amqp', 'kafka'] satisfies TransportName[])('the demo, %s', async (transport) => {
  const can = await canStage(transport)

  test.skipIf(!can)('on a broker that others use it makes everything under a prefix, and deletes it', async () => {
    const url = transport === 'amqp' ? rabbitmq.url(rabbitmq.port) : kafka.url(kafka.port)
    const run = await demo(['--transport', url, '--count', '6', '--rate', '10', '--json'])
    expect(lastObject(run), run.err).toMatchObject({
      orders: 6,
      finalStates: { approved: 5, rejected: 1 },
      lost: 0,
      duplicated: 0,
      kills: 0,
    })
    expect(run.err).not.toContain('could not be deleted')
    expect(run.code).toBe(0)
    expect(run.left).toEqual([])
    if (transport !== 'kafka') return
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [`127.0.0.1:${kafka.port}`] })
    const names = [...(await admin.listTopics()), ...(await admin.listGroups({})).keys()]
    await admin.close()
    expect(names.filter((name) => name.startsWith('ftgo-'))).toEqual([])
  })
})
