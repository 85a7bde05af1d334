import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Duplex } from 'node:stream'
import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AmqpConfirmChannel, AmqpConnection, AmqpMessage } from '../../src/transport/amqp/driver.ts'
import { Delivered } from '../../src/transport/amqp/wire/delivered.ts'
import type { Properties } from '../../src/transport/amqp/wire/frames.ts'
import { consume, Inflow } from '../../src/transport/amqp/wire/inflow.ts'
import { acknowledge, Outflow, publish } from '../../src/transport/amqp/wire/outflow.ts'
import { headerOf } from '../../src/transport/amqp/wire/wire.ts'
import { reachable } from '../rough/reachable.ts'
import { freshPrefix, url } from './broker.ts'

const require = createRequire(import.meta.url)
const insides = join(dirname(require.resolve('amqplib')), 'lib')
const defs = require(join(insides, 'defs.js')) as Record<'encodeMethod' | 'encodeProperties', (...given: unknown[]) => Buffer> &
  Record<string, number>
const { makeBodyFrame } = require(join(insides, 'frame.js')) as { makeBodyFrame(channel: number, content: Buffer): Buffer }
const { Connection } = require(join(insides, 'connection.js')) as {
  Connection: new (
    socket: Duplex,
  ) => { accept(frame: unknown): void; acceptLoop(): void; on(event: string, listener: (error: unknown) => void): void }
}

function delivery(channel: number, tag: number, headers: object, parts: readonly Buffer[]): Buffer {
  const method = { consumerTag: 'amq.ctag-x', deliveryTag: tag, redelivered: tag % 2 === 0, exchange: 'from ü', routingKey: 'key' }
  const properties = { contentType: 'text/plain', headers, deliveryMode: 2, correlationId: 'c', messageId: `m${tag}`, timestamp: 17 }
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([
    defs.encodeMethod(defs.BasicDeliver, channel, method),
    defs.encodeProperties(defs.BasicProperties, channel, size, properties),
    ...parts.map((part) => makeBodyFrame(channel, part)),
  ])
}

const plain = {
  'cloudEvents:id': '1',
  'cloudEvents:type': 'take',
  ключ: 'значение 😀',
  'pabal:due': 1_763_000_000_123,
  small: -3,
  word: 300,
}

/** A driver's connection whose socket is fed by hand; channel 1 is a consumer's. */
class Fed extends Duplex {
  readonly mine: AmqpMessage[] = []
  readonly drivers: { channel: number; id?: number; content?: Buffer }[] = []
  readonly errors: unknown[] = []
  readonly channel: { ch: number; connection: object }

  constructor() {
    super()
    const connection = new Connection(this)
    connection.accept = (frame) => void this.drivers.push(frame as { channel: number })
    connection.on('frameError', (error) => this.errors.push(error))
    connection.acceptLoop()
    Inflow.over({ connection } as unknown as AmqpConnection)
    this.channel = Object.create({ accept: () => undefined }, { ch: { value: 1 }, connection: { value: connection } })
    Inflow.consumes(this.channel as unknown as AmqpConfirmChannel, (message) => void (message && this.mine.push(message)))
  }

  override _read(): void {}
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done()
  }

  async feed(...pieces: Buffer[]): Promise<void> {
    for (const piece of pieces) {
      this.push(piece)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
}

describe('what is read past the driver', () => {
  test('is whole wherever the bytes are cut', async () => {
    const ack = defs.encodeMethod(defs.BasicAck, 1, { deliveryTag: 5, multiple: true })
    const bytes = Buffer.concat([
      delivery(1, 1, plain, [Buffer.from('one')]),
      ack,
      delivery(1, 2, {}, []),
      delivery(2, 1, plain, [Buffer.from('of another channel')]),
      delivery(1, 3, plain, [Buffer.from('in '), Buffer.from('two')]),
    ])
    for (let cut = 0; cut <= bytes.length; cut++) {
      const fed = new Fed()
      await fed.feed(bytes.subarray(0, cut), bytes.subarray(cut))
      expect(fed.mine.map(({ content }) => Buffer.from(content).toString())).toEqual(['one', '', 'in two'])
      expect(fed.mine.map(({ fields }) => fields.deliveryTag)).toEqual([1, 2, 3])
      expect(fed.drivers.map(({ channel, id }) => [channel, id === defs.BasicAck])).toEqual([
        [1, true],
        [2, false],
        [2, false],
        [2, false],
      ])
    }
  })

  test('tells of a delivery what the driver would', async () => {
    const fed = new Fed()
    await fed.feed(delivery(1, 1, plain, [Buffer.from('x')]), delivery(1, 2, { ...plain, word: 301 }, [Buffer.from('y')]))
    const [one, two] = fed.mine as [AmqpMessage, AmqpMessage]
    expect(one.properties).toMatchObject({ contentType: 'text/plain', messageId: 'm1', timestamp: 17, headers: plain })
    expect(one.fields).toMatchObject({ deliveryTag: 1, redelivered: false, exchange: 'from ü', routingKey: 'key' })
    expect(two.properties.headers).toEqual({ ...plain, word: 301 })
    expect(two.fields.redelivered).toBe(true)
    expect([headerOf(two, 'ключ'), headerOf(two, 'nothing')]).toEqual(['значение 😀', undefined])
  })

  test('unusual headers, a channel that is closed and broken frames are left to the driver', async () => {
    const fed = new Fed()
    const unusual = [{ table: { a: 1 } }, { list: ['a', 1] }, { half: 0.5 }, { yes: true }, { nothing: null }]
    for (const headers of unusual) await fed.feed(delivery(1, 1, { ...plain, ...headers }, [Buffer.from('x')]))
    expect(fed.mine).toEqual([])
    expect(fed.drivers.length).toBe(3 * unusual.length)
    await fed.feed(delivery(1, 2, plain, [Buffer.from('again mine')]))
    expect(fed.mine.length).toBe(1)
    // The driver takes the method away from a channel that it closes.
    Object.defineProperty(fed.channel, 'accept', { value: () => undefined })
    await fed.feed(delivery(1, 3, plain, [Buffer.from('x')]))
    expect(fed.mine.length).toBe(1)
    expect(fed.drivers.length).toBe(3 * unusual.length + 3)
    const broken = delivery(1, 4, plain, [])
    broken[broken.length - 1] = 0
    await fed.feed(broken)
    expect(fed.errors.length).toBe(1)
  })
})

const up = await reachable('RabbitMQ', Number(new URL(url).port || 5672))

describe.skipIf(!up)('past the driver, with a broker', () => {
  let connection: AmqpConnection
  beforeAll(async () => {
    connection = (await connect(url)) as unknown as AmqpConnection
    Inflow.over(connection)
  })
  afterAll(() => connection.close())

  test('this driver lets one: messages of all sizes and headers go out and come back in order, confirmed and acknowledged', async () => {
    const channel = await connection.createConfirmChannel()
    expect(Outflow.of(channel)).toBeDefined()
    const queue = freshPrefix('inflow')
    await channel.assertQueue(queue, { exclusive: true })
    await channel.prefetch(10)
    const bodies = [0, 1, 400, 131_064, 131_065, 500_000, 3].map((size, n) => Buffer.alloc(size, `${n}`))
    const came: AmqpMessage[] = []
    const all = new Promise<void>((resolve) => {
      void consume(channel, queue, (message) => {
        if (message === null) return
        acknowledge(channel, message.fields.deliveryTag as number, false)
        if (came.push(message) === 10 * bodies.length) resolve()
      })
    })
    const confirmed: number[] = []
    const properties: Properties = { headers: ['a', 'ü', 'n', 7], contentType: 'text/plain', persistent: false, mandatory: true }
    const sent = Array.from({ length: 10 * bodies.length }, (_, n) => {
      const body = bodies[n % bodies.length] as Buffer
      return new Promise<void>((resolve, reject) =>
        publish(channel, '', queue, body, { ...properties, messageId: `${n}` }, (error) => {
          confirmed.push(n)
          if (error) reject(error)
          else resolve()
        }),
      )
    })
    await Promise.all([...sent, all])
    expect(came.every((message) => message instanceof Delivered)).toBe(true)
    for (const [n, { content, properties }] of came.entries()) {
      expect(properties).toMatchObject({ messageId: `${n}`, headers: { a: 'ü', n: 7 } })
      expect((bodies[n % bodies.length] as Buffer).equals(content)).toBe(true)
    }
    expect(confirmed.length).toBe(came.length)
    expect((await channel.checkQueue(queue)).messageCount).toBe(0)
    await channel.close()
    expect(() => publish(channel, '', queue, Buffer.alloc(0), {}, () => undefined)).toThrow(/closed/)
    expect(() => acknowledge(channel, 1, false)).toThrow(/closed/)
  })

  test('a driver that looks otherwise inside is used by what it documents', async () => {
    const real = await connection.createConfirmChannel()
    const queue = freshPrefix('documented')
    await real.assertQueue(queue, { exclusive: true })
    const documented = {
      publish: real.publish.bind(real),
      consume: real.consume.bind(real),
      ack: real.ack.bind(real),
    } as unknown as AmqpConfirmChannel
    expect(Outflow.of(documented)).toBeUndefined()
    const came = new Promise<AmqpMessage | null>((resolve) => void consume(documented, queue, resolve))
    const properties: Properties = { headers: ['a', 'ü', 'n', 7], contentType: 'text/plain', persistent: true }
    await new Promise((resolve) => publish(documented, '', queue, Buffer.from('x'), properties, resolve))
    const message = (await came) as AmqpMessage
    expect(message).not.toBeInstanceOf(Delivered)
    expect(message.properties).toMatchObject({ contentType: 'text/plain', headers: { a: 'ü', n: 7 }, deliveryMode: 2 })
    acknowledge(documented, message.fields.deliveryTag as number, true)
    expect((await real.checkQueue(queue)).messageCount).toBe(0)
    await real.close()
  })
})
