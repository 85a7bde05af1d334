import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startKafka, startRabbit } from '../../scripts/services/index.ts'
import { type App, connect, defineService, event, notification, on } from '../../src/index.ts'
import { Kitchen, Order } from '../cli/contracts/kitchen.contract.ts'
import { cli, values } from '../cli/pabal.ts'

/** Services whose users may do exactly what `pabal rights` prints, on a broker of their own: all that they do works, and nothing else. */
const folder = mkdtempSync(join(tmpdir(), 'pabal-rights-'))
const ends: (() => Promise<unknown>)[] = [async () => rmSync(folder, { recursive: true })]
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
}, 60_000)

const rights = async <T>(url: string): Promise<T[]> => {
  const { code, out, err } = await cli(['rights', url, 'contracts/kitchen.contract.ts', '--on', 'order=Ticket', '--json'])
  expect(code, err).toBe(0)
  return values<T>(out)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !what(); await pause(20))
    if (performance.now() > end) throw new Error(`never came true: ${what}`)
}

/** Everything that the two contracts say, between services that connect as their own users. */
async function works(urlOf: (service: string) => string): Promise<App> {
  const seen: string[] = []
  const open = async (name: string): Promise<App> => {
    const app = await connect(urlOf(name), { name, logger: false, retry: { attempts: 1 }, within: '15s' })
    ends.push(() => app.close())
    return app
  }
  const kitchen = await open('kitchen')
  await kitchen.serve(Kitchen, {
    cook: ({ payload }) => {
      if (payload.n < 0) throw new Error('no gas')
      seen.push(`cooked ${payload.n}`)
    },
    createTicket: async ({ payload, reply, publish }) => {
      await publish.Ticket.Done(payload.orderId, { n: 1 })
      return reply.Created({ ticketId: payload.orderId })
    },
    photo: () => {},
    note: () => {},
    menu: ({ reply }) => reply.Menu(['bibimbap']),
    quote: ({ reply }) => reply.Quote({ price: 7 }),
  })
  const order = await open('order')
  const { call } = await order.serve(Order, {
    replies: { make: { Created: ({ payload, context }) => void seen.push(`${payload.ticketId} ${context.at}`), Closed: () => {} } },
    on: [on(Kitchen.events.Ticket, { Done: ({ key }) => void seen.push(`done ${key}`) })],
  })
  expect((await call.waited({ orderId: 'o-1' })).type).toBe('Created')
  expect((await call.menu({})).payload).toEqual(['bibimbap'])
  expect((await call.quote.gather({}, { within: '5s', until: { count: 1 } }).result()).replies).toHaveLength(1)
  await call.make.send({ orderId: 'o-2' }, { context: { at: 'noon' } })
  const client = order.client(Kitchen)
  await client.cook({ dish: 'a', n: 1 })
  await client.cook({ dish: 'a', n: -1 })
  await client.cook({ dish: 'b', n: 2 }, { after: '300ms' })
  await until(() => ['done o-1', 'done o-2', 'o-2 noon', 'cooked 1', 'cooked 2'].every((each) => seen.includes(each)))
  await until(() => kitchen.counters().deadLettered === 1)
  return order
}

/** What the order's user may not: another channel, reading what is another service's, and publishing its events. */
async function refuses(order: App): Promise<void> {
  const refused = expect.objectContaining({
    message: expect.stringMatching(/ACCESS_REFUSED|AUTHORIZATION|not permitted|lacks the permission/i),
  })
  const Other = defineService('other', { version: '1.0.0', commands: { x: notification(z.object({})) } })
  await expect(order.client(Other).x({})).rejects.toEqual(refused)
  await expect(order.serve(Other, { x: () => {} })).rejects.toEqual(refused)
  const nothing = () => {}
  const never = (): never => {
    throw new Error('never asked')
  }
  const thief = { cook: nothing, photo: nothing, note: nothing, createTicket: never, menu: never, quote: never }
  await expect(order.serve(Kitchen, thief)).rejects.toEqual(refused)
  const Fake = defineService('fake', { version: '1.0.0', events: { Ticket: { Done: event(z.object({ n: z.number() })) } } })
  const fake = await order.serve(Fake, {})
  await expect(fake.publish.Ticket.Done('t', { n: 1 })).rejects.toThrow()
}

test('RabbitMQ: permissions by user', { timeout: 120_000 }, async () => {
  interface Printed {
    readonly user: string
    readonly vhost: string
    readonly configure: string
    readonly write: string
    readonly read: string
  }
  const printed = await rights<Printed>('amqp://broker/ftgo?prefix=shop')
  expect(printed.map(({ user }) => user)).toEqual(['kitchen', 'order'])
  // The broker reads users and permissions when it starts: what rabbitmqctl would have given.
  const all = { configure: '.*', write: '.*', read: '.*' }
  const user = (name: string, tags: string) => ({
    name,
    tags,
    limits: {},
    hashing_algorithm: 'rabbit_password_hashing_sha256',
    password_hash: hashed('secret'),
  })
  const definitions = {
    users: [user('admin', 'administrator'), ...printed.map(({ user: name }) => user(name, ''))],
    vhosts: [{ name: '/' }, { name: 'ftgo' }],
    permissions: [
      { user: 'admin', vhost: 'ftgo', ...all },
      ...printed.map(({ user, vhost, configure, write, read }) => ({ user, vhost, configure, write, read })),
    ],
  }
  const file = join(folder, 'definitions.json')
  writeFileSync(file, JSON.stringify(definitions))
  chmodSync(folder, 0o755)
  const server = await startRabbit({ config: [`load_definitions = ${file}`] })
  ends.push(() => server.stop())
  const order = await works((service) => `amqp://${service}:secret@127.0.0.1:${server.port}/ftgo?prefix=shop&shards=2&queues=classic`)
  await refuses(order)
})

function hashed(password: string): string {
  const salt = randomBytes(4)
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password).digest()]).toString('base64')
}

/** The numbers of Kafka's protocol for what the command says in words. */
const numbers = { topic: 2, group: 3, literal: 3, prefixed: 4, Read: 3, Write: 4, Create: 5, Describe: 8, DescribeConfigs: 10 } as const

test('Kafka: an access control list by user', { timeout: 180_000 }, async () => {
  interface Printed {
    readonly user: string
    readonly acls: readonly {
      readonly resource: 'topic' | 'group'
      readonly name: string
      readonly pattern: 'literal' | 'prefixed'
      readonly operations: readonly ('Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs')[]
    }[]
  }
  const printed = await rights<Printed>('kafka://broker:9092?prefix=shop.')
  const users = ['admin', ...printed.map(({ user }) => user)].map((name) => `user_${name}="secret"`).join(' ')
  const server = await startKafka({
    config: [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:admin;User:ANONYMOUS',
      'listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name=PLAINTEXT',
      'sasl.mechanism.inter.broker.protocol=PLAIN',
      'sasl.enabled.mechanisms=PLAIN',
      `listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="secret" ${users};`,
    ],
  })
  ends.push(() => server.stop())
  const sasl = { mechanism: 'PLAIN', username: 'admin', password: 'secret' } as const
  const admin = new Admin({ clientId: 'rights', bootstrapBrokers: [`127.0.0.1:${server.port}`], sasl })
  ends.push(async () => admin.close())
  await admin.createAcls({
    creations: printed.flatMap(({ user, acls }) =>
      acls.flatMap(({ resource, name, pattern, operations }) =>
        operations.map((operation) => ({
          resourceType: numbers[resource],
          resourceName: name,
          resourcePatternType: numbers[pattern],
          principal: `User:${user}`,
          host: '*',
          operation: numbers[operation],
          permissionType: 3,
        })),
      ),
    ),
  })
  const order = await works((service) => `kafka://${service}:secret@127.0.0.1:${server.port}?prefix=shop.&partitions=2`)
  await refuses(order)
})
