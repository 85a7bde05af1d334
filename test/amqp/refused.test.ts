import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as dial } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../scripts/services/ports.ts'
import { startRabbit, type Throwaway } from '../../scripts/services/throwaway.ts'
import type { Channel } from '../../src/channel/channel.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import { until } from '../../src/testing/waiting.ts'
import { type AmqpConnection, type AmqpDriver, type AmqpOptions, amqp } from '../../src/transport/amqp/index.ts'
import type { Transport, TransportState } from '../../src/transport/seam.ts'

let server: Throwaway
let tlsPort = 0
let folder = ''
const opened: Transport[] = []

/** A certificate of its own authority for localhost. */
function certificate(into: string): void {
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: into, stdio: 'ignore' })
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test authority',
    '-days',
    '2',
  )
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2')
  openssl('rand', '-out', 'noise', '8')
}

beforeAll(async () => {
  folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim()
  certificate(folder)
  execFileSync('chmod', ['-R', 'a+rX', folder])
  ;[tlsPort = 0] = await freePorts(1)
  server = await startRabbit({
    config: [
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${join(folder, 'ca.pem')}`,
      `ssl_options.certfile = ${join(folder, 'server.pem')}`,
      `ssl_options.keyfile = ${join(folder, 'server.key')}`,
      'ssl_options.verify = verify_none',
    ],
  })
}, 90_000)

afterAll(async () => {
  await Promise.all(opened.map((transport) => transport.close()))
  await server.stop()
  execFileSync('rm', ['-rf', folder])
}, 60_000)

async function member(options: Partial<AmqpOptions> = {}, states: TransportState[] = []): Promise<Transport> {
  const transport = amqp({ url: server.url, shards: 2, ...options })
  opened.push(transport)
  await transport.open((state) => states.push(state))
  return transport
}

const refusal = (options: Partial<AmqpOptions>): Promise<{ code: string; message: string }> =>
  member(options).then(
    () => expect.fail('it was opened'),
    (error) => error,
  )
const at = (user: string, rest = '') => server.url.replace('guest:guest@', user) + rest
const queue = (address: string): Channel => ({ address, kind: 'point-to-point' })

describe('what a broker refuses', () => {
  test('wrong credentials, without the password in the error', async () => {
    const error = await refusal({ url: at('guest:hunter2@') })
    expect(error.code).toBe('ACCESS_REFUSED')
    expect(error.message).toContain('"guest"')
    expect(error.message).not.toContain('hunter2')
  })

  test('a vhost that is not there', async () => {
    expect(await refusal({ url: at('guest:guest@', '/nowhere') })).toMatchObject({
      code: 'ACCESS_REFUSED',
      message: expect.stringContaining('nowhere'),
    })
  })

  test('nobody listens', async () => {
    const [port] = await freePorts(1)
    expect(await refusal({ url: `amqp://127.0.0.1:${port}` })).toMatchObject({ code: 'BROKER_UNREACHABLE' })
  })

  test('a server that is too old, or another product', async () => {
    const old = (properties: object): AmqpDriver => ({
      connect: async (address, socket) => {
        const connection = (await dial(address, socket)) as unknown as AmqpConnection
        Object.assign((connection.connection as { serverProperties: object }).serverProperties, properties)
        return connection
      },
    })
    const error = await refusal({ driver: old({ version: '3.9.29' }) })
    expect(error).toMatchObject({ code: 'BROKER_TOO_OLD', message: expect.stringContaining('3.9.29') })
    expect(await refusal({ driver: old({ product: 'Another' }) })).toMatchObject({ code: 'BROKER_TOO_OLD' })
  })

  test('a TLS server whose authority is not trusted, and one that is', async () => {
    const url = `amqps://localhost:${tlsPort}`
    expect(await refusal({ url })).toMatchObject({ code: 'TLS_REFUSED' })
    const ca = readFileSync(join(folder, 'ca.pem'))
    expect(await refusal({ url, tls: { ca, servername: 'elsewhere.example' } })).toMatchObject({ code: 'TLS_REFUSED' })
    expect(await refusal({ url: server.url.replace('amqp:', 'amqps:'), tls: { ca } })).toMatchObject({ code: 'TLS_REFUSED' })
    const trusted = await member({ url: `${url}?ca=${join(folder, 'ca.pem')}` })
    await trusted.provision([queue('over-tls')], 'create')
    expect(await trusted.send([{ channel: queue('over-tls'), message: sampleMessage('a', 0), durable: true }])).toEqual(['sent'])
  })
})

describe('what stands in the way', () => {
  test('a queue of another type, and an exchange of another kind, are named and left alone', async () => {
    await member()
    const connection = await dial(server.url)
    const channel = await connection.createChannel()
    await channel.assertQueue('pabal:mixed/0', { durable: true, arguments: { 'x-queue-type': 'classic' } })
    await channel.assertExchange('pabal:shaped', 'fanout', { durable: true })
    const transport = await member({ ahead: true })
    const mixed = await transport.provision([queue('mixed')], 'create').catch((error) => error)
    expect(mixed).toMatchObject({ code: 'INVALID_CONFIGURATION' })
    expect(mixed.message).toContain('pabal:mixed/0')
    expect(mixed.message).toMatch(/x-queue-type=quorum.*inequivalent arg/)
    const shaped = await transport.provision([queue('shaped')], 'create').catch((error) => error)
    expect(shaped).toMatchObject({ code: 'INVALID_CONFIGURATION' })
    expect(shaped.message).toMatch(/pabal:shaped.*type.*direct.*fanout/)
    await channel.assertQueue('pabal:mixed/0', { durable: true, arguments: { 'x-queue-type': 'classic' } })
    await connection.close()
  })

  test('another number of shards: the environment has its own, which is taken where none is asked for', async () => {
    await member()
    expect(await refusal({ shards: 3 })).toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringMatching(/shards is 3.*has 2/),
    })
    const [one, two] = [await member({ shards: undefined }), await member()]
    const channel = queue('sharded')
    await one.provision([channel], 'create')
    const shards = new Set<string>()
    await two.subscribe(channel, { durable: true, maxMessages: 50, maxBytes: 1e6 }, async ({ shard }) => {
      shards.add(shard)
      return { emit: [] }
    })
    const batch = Array.from({ length: 20 }, (_, n) => ({ channel, message: sampleMessage(`${n}`, 0, { key: `k${n}` }), durable: true }))
    await one.send(batch)
    await until(
      systemRuntime,
      10_000,
      () => shards.size === 2,
      () => `${[...shards]}`,
    )
  })

  test('a check finds what is missing, and makes nothing', async () => {
    const transport = await member()
    const missing = await transport.provision([queue('never-made')], 'check').catch((error) => error)
    expect(missing).toMatchObject({ code: 'INVALID_CONFIGURATION', message: expect.stringContaining('pabal:never-made is not there') })
    const [sent] = await transport.send([{ channel: queue('never-made'), message: sampleMessage('a', 0), durable: true }])
    expect(sent).toMatchObject({ code: 'INVALID_CONFIGURATION' })
  })

  test('who only checks makes no environment either, and takes the one that comes later', async () => {
    const prefix = 'mistyped'
    const transport = amqp({ url: server.url, prefix })
    opened.push(transport)
    await transport.open(() => {}, 'check')
    expect(await transport.admin?.depths()).toEqual([])
    const missing = await transport.provision([queue('kitchen')], 'check').catch((error) => error)
    expect(missing).toMatchObject({ code: 'INVALID_CONFIGURATION', message: expect.stringContaining('mistyped::settings is not there') })
    const [refused] = await transport.send([{ channel: queue('kitchen'), message: sampleMessage('a', 0), durable: true }])
    expect(refused).toMatchObject({ code: 'INVALID_CONFIGURATION' })
    const connection = await dial(server.url)
    for (const what of ['settings', 'registry', 'fence']) {
      const open = await connection.createChannel()
      open.on('error', () => undefined)
      await expect(open.checkQueue(`${prefix}::${what}`)).rejects.toThrow('404')
    }
    await connection.close()
    const maker = await member({ prefix, shards: 3 })
    await maker.provision([queue('kitchen')], 'create')
    await maker.subscribe(queue('kitchen'), { durable: true, maxMessages: 10, maxBytes: 1e6 }, () => ({ emit: [] }))
    await transport.provision([queue('kitchen')], 'check')
    const batch = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({
      channel: queue('kitchen'),
      message: sampleMessage(key, 0, { key }),
      durable: true,
    }))
    expect(await transport.send(batch)).toEqual(batch.map(() => 'sent'))
    await expect.poll(async () => (await transport.admin?.depths())?.map(({ waiting }) => waiting), { timeout: 10_000 }).toEqual([0])
  })

  test('queues of the environment that somebody deleted are named by a check, and made again where one may', async () => {
    const prefix = 'halved'
    const channel = queue('work')
    await (await member({ prefix })).provision([channel], 'create')
    const connection = await dial(server.url)
    const open = await connection.createChannel()
    for (const what of ['registry', 'fence']) await open.deleteQueue(`${prefix}::${what}`)
    await connection.close()
    const checks = amqp({ url: server.url, prefix })
    opened.push(checks)
    await checks.open(() => {}, 'check')
    const refused = await checks.provision([channel], 'check').catch((error) => error)
    expect(refused).toMatchObject({ code: 'INVALID_CONFIGURATION' })
    for (const what of ['registry', 'fence']) expect(refused.message).toContain(`the queue ${prefix}::${what}`)
    const makes = await member({ prefix })
    let taken = 0
    await makes.subscribe(channel, { durable: true, maxMessages: 10, maxBytes: 1e6 }, () => {
      taken++
      return { emit: [] }
    })
    expect(await makes.send([{ channel, message: sampleMessage('a', 0, { key: 'k' }), durable: true }])).toEqual(['sent'])
    await expect.poll(() => taken, { timeout: 10_000 }).toBe(1)
    await checks.provision([channel], 'check')
  })

  test('a queue that somebody deleted is made again, and the message is in it', async () => {
    const transport = await member()
    const channel = queue('deleted')
    await transport.provision([channel], 'create')
    const send = (id: string) => transport.send([{ channel, message: sampleMessage(id, 0, { key: 'k' }), durable: true }])
    expect(await send('a')).toEqual(['sent'])
    const connection = await dial(server.url)
    const open = await connection.createChannel()
    for (const shard of [0, 1]) await open.deleteQueue(`pabal:deleted/${shard}`)
    expect(await send('b')).toEqual(['sent'])
    const stored = await transport.admin?.browse({ channel }, { limit: 10 })
    expect(stored?.map(({ message }) => message.id)).toEqual(['b'])
    await connection.close()
  })
})

describe('a broker that is full', () => {
  test('says so, lets sends wait and then fail with a code, and goes on when there is room', async () => {
    const states: TransportState[] = []
    const transport = await member({ sendWithin: 1500 }, states)
    const channel = queue('full')
    await transport.provision([channel], 'create')
    const send = async (id: string) => (await transport.send([{ channel, message: sampleMessage(id, 0, { key: 'k' }), durable: true }]))[0]
    expect(await send('a')).toBe('sent')
    const handled: string[] = []
    const watermark = (part: string): unknown =>
      execFileSync(
        '/usr/lib/rabbitmq/bin/rabbitmqctl',
        ['-t', '20', '-n', `pabal${server.port}@localhost`, 'set_vm_memory_high_watermark', part],
        {
          env: { ...process.env, HOME: server.folder, RABBITMQ_CONF_ENV_FILE: join(server.folder, 'none') },
          stdio: 'ignore',
          timeout: 30_000,
        },
      )
    watermark('0.00001')
    const late = await send('b')
    expect(late).toMatchObject({ code: 'BROKER_BLOCKED', id: 'b' })
    expect(states.at(-1)).toMatchObject({ ready: false, reason: expect.stringContaining('takes no messages') })
    watermark('0.4')
    await until(
      systemRuntime,
      20_000,
      () => states.at(-1)?.ready === true,
      () => 'ready again',
    )
    expect(await send('c')).toBe('sent')
    await transport.subscribe(channel, { durable: true, maxMessages: 10, maxBytes: 1e6 }, async ({ message }) => {
      handled.push(message.id)
      return { emit: [] }
    })
    await until(
      systemRuntime,
      10_000,
      () => handled.includes('c'),
      () => `${handled}`,
    )
    expect(handled[0]).toBe('a')
  }, 90_000)
})
