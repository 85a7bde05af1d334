import { expect, test } from 'vitest'
import { participationOf } from '../../src/cli/rights/participation.ts'
import { Kitchen, Order } from './contracts/kitchen.contract.ts'
import { cli, lines, values } from './pabal.ts'

/** What is printed; test/services/rights.test.ts shows on brokers that it suffices, and is no more than is needed. */
const file = 'contracts/kitchen.contract.ts'

test('what a contract says its service does', () => {
  const channel = (address: string, kind: 'point-to-point' | 'publish-subscribe' = 'point-to-point') => ({ address, kind })
  expect(participationOf(Kitchen, [])).toEqual({
    name: 'kitchen',
    reads: [
      { channel: channel('kitchen'), durable: true, own: true },
      { channel: channel('kitchen'), durable: false, own: true },
      { channel: channel('kitchen.quote', 'publish-subscribe'), group: 'kitchen', durable: false, own: true },
    ],
    owns: [{ channel: channel('Ticket', 'publish-subscribe'), durable: true }],
    sends: [],
    asks: false,
    answers: true,
  })
  const order = participationOf(Order, ['Ticket'])
  expect(order.reads).toEqual([
    { channel: channel('Ticket', 'publish-subscribe'), group: 'order', durable: true, own: false },
    { channel: channel('reply.order'), durable: true, own: true },
  ])
  expect(order.sends).toContainEqual({ channel: channel('kitchen.quote', 'publish-subscribe'), durable: false })
  expect(order).toMatchObject({ owns: [], asks: true, answers: false })
})

test('for rabbitmqctl: anchored patterns, the vhost and prefix of the URL, no password', async () => {
  const { code, out, err } = await cli(['rights', 'amqp://me:hunter22@broker/ftgo?prefix=a.b', file, '--on', 'order=Ticket'])
  expect(code).toBe(0)
  expect(lines(out).map((line) => line.split("'^")[0])).toEqual([
    '# kitchen',
    "rabbitmqctl set_permissions -p 'ftgo' 'kitchen' ",
    '# order',
    "rabbitmqctl set_permissions -p 'ftgo' 'order' ",
  ])
  expect(out + err).not.toContain('hunter22')
  expect(err).toContain('amq.default')
  const [kitchen, order] = values<Record<'configure' | 'write' | 'read', string>>(
    (await cli(['rights', 'amqp://broker?prefix=a.b', file, '--on', 'order=Ticket', '--json'])).out,
  )
  const may = (pattern: string | undefined, name: string) => new RegExp(pattern ?? 'none').test(name)
  expect(may(kitchen?.configure, 'a.b:kitchen/3/parked')).toBe(true)
  expect(may(kitchen?.configure, 'a.b:kitchen2')).toBe(false)
  expect(may(kitchen?.configure, 'axb:kitchen')).toBe(false)
  expect(may(kitchen?.write, 'a.b:reply.order')).toBe(true)
  expect(may(kitchen?.write, 'a.b:reply.order/0')).toBe(false)
  expect(may(order?.write, 'a.b:kitchen')).toBe(true)
  expect(may(order?.write, 'a.b:Ticket')).toBe(false)
  expect(may(order?.read, 'a.b:Ticket')).toBe(true)
  expect(may(order?.read, 'a.b:kitchen/0')).toBe(false)
  expect(may(order?.configure, 'a.b:Ticket/order/0')).toBe(true)
  expect(may(order?.configure, 'a.b:Ticket/history/0')).toBe(false)
})

test('for kafka-acls.sh: topic by topic, group by group', async () => {
  const args = ['rights', 'kafka://b1,b2:9093?prefix=t.', file, '--service', 'order', '--on', 'order=Ticket', '--user', 'order=orders']
  const { out } = await cli(args)
  const start = "kafka-acls.sh --bootstrap-server b1:9092,b2:9093 --add --allow-principal 'User:orders'"
  expect(
    lines(out)
      .slice(1)
      .every((line) => line.startsWith(start)),
  ).toBe(true)
  expect(lines(out)).toContain(`${start} --operation Read --group 't.Ticket.-group.order'`)
  const [order] = values<{ acls: { name: string; operations: string[] }[] }>((await cli([...args, '--json'])).out)
  expect(order?.acls.find(({ name }) => name === 't.Ticket')?.operations).toEqual(['Describe', 'DescribeConfigs', 'Read'])
  expect(order?.acls.find(({ name }) => name === 't.kitchen')?.operations).toEqual(['Describe', 'DescribeConfigs', 'Write'])
})

test.each([
  [[file], 2, 'Say which broker: give its URL, or --transport amqp|kafka.'],
  [['--transport', 'nats', file], 2, '--transport is "nats"; give one of amqp, kafka.'],
  [['sqlite:x', file], 1, 'sqlite: has no users with rights of its own'],
  [['amqp://b', file, '--on', 'ordr=Ticket'], 2, 'There is no contract of "ordr" here; there are kitchen, order. Did you mean "order"?'],
  [['amqp://b?prefx=x', file], 2, 'does not know the option "prefx"'],
])('asked wrongly: %j', async (args, code, said) => {
  const ended = await cli(['rights', ...args])
  expect(ended.code).toBe(code)
  expect(ended.err).toContain(said)
})
