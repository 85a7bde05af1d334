import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FrameWriter, optionsOf, type Properties } from '../../src/transport/amqp/wire/frames.ts'

type Encode = (...given: unknown[]) => Buffer
const require = createRequire(import.meta.url)
const insides = join(dirname(require.resolve('amqplib')), 'lib')
/** The driver's own encoder, which is not public. */
const defs = require(join(insides, 'defs.js')) as Record<'encodeMethod' | 'encodeProperties', Encode> & Record<string, number>
const { publish, ack } = require(join(insides, 'api_args.js')) as Record<'publish' | 'ack', (...given: unknown[]) => object>
const { makeBodyFrame } = require(join(insides, 'frame.js')) as Record<'makeBodyFrame', Encode>

function byDriver(channel: number, exchange: string, key: string, properties: Properties, content: Buffer, frameMax: number): Buffer {
  const fields = publish(exchange, key, optionsOf(properties))
  const frames = [
    defs.encodeMethod(defs.BasicPublish, channel, fields),
    defs.encodeProperties(defs.BasicProperties, channel, content.length, fields),
  ]
  for (let at = 0; at < content.length; at += frameMax - 8) frames.push(makeBodyFrame(channel, content.subarray(at, at + frameMax - 8)))
  return Buffer.concat(frames)
}

const all: Properties = {
  persistent: true,
  mandatory: true,
  headers: ['cloudEvents:id', 'id', 'none', '', 'ключ', 'значение 😀', 'long', 'x'.repeat(3000)],
  contentType: 'application/json',
  correlationId: 'correlation — ü',
  expiration: '5000',
  messageId: 'm'.repeat(255),
  timestamp: 1_763_000_000,
}
const numbers = [
  0,
  1,
  -1,
  127,
  128,
  -128,
  -129,
  32_767,
  32_768,
  -32_769,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  1_763_000_000_123,
  2 ** 53 - 1,
]

describe('what is written past the driver', () => {
  test('is byte for byte what the driver writes', () => {
    const writer = new FrameWriter()
    const sets: Properties[] = [all, { headers: [] }, { persistent: false, headers: numbers.flatMap((n) => [`n${n}`, n]) }]
    for (const properties of sets)
      for (const size of [0, 1, 400, 4088, 4089, 20_000, 200_000]) {
        const content = Buffer.alloc(size, 'abc')
        writer.publish(7, 'exchange ü', 'key', properties, content, 4096)
        writer.ack(513, 2 ** 40 + 5, size % 2 === 0)
        const acked = defs.encodeMethod(defs.BasicAck, 513, ack(2 ** 40 + 5, size % 2 === 0))
        const expected = Buffer.concat([byDriver(7, 'exchange ü', 'key', properties, content, 4096), acked])
        expect(Buffer.concat(writer.take()).equals(expected)).toBe(true)
      }
    // As the driver: numbers that are not whole, or too large to be.
    writer.publish(1, '', '', { headers: ['half', 0.5] }, Buffer.alloc(0), 4096)
    expect(Buffer.concat(writer.take()).equals(byDriver(1, '', '', { headers: ['half', 0.5] }, Buffer.alloc(0), 4096))).toBe(true)
  })

  test('lies in one piece of memory as long as it is small, and none of it is written over', () => {
    const writer = new FrameWriter()
    const taken: Buffer[] = []
    for (let turn = 0; turn < 50; turn++) {
      for (let n = 0; n < 10; n++) writer.publish(1, '', `${turn}`, { headers: ['n', n] }, Buffer.alloc(300, turn), 131_072)
      const pieces = writer.take()
      expect(pieces.length).toBeLessThanOrEqual(2)
      taken.push(Buffer.concat(pieces))
      expect(writer.take()).toEqual([])
    }
    for (const [turn, bytes] of taken.entries()) {
      const frames = Array.from({ length: 10 }, (_, n) =>
        byDriver(1, '', `${turn}`, { headers: ['n', n] }, Buffer.alloc(300, turn), 131_072),
      )
      expect(bytes.equals(Buffer.concat(frames))).toBe(true)
    }
  })

  test('what cannot be written throws and leaves nothing behind', () => {
    const writer = new FrameWriter()
    const faults: [string, Properties][] = [
      ['k'.repeat(256), {}],
      ['', { messageId: 'ü'.repeat(128) }],
      ['', { headers: ['n'.repeat(256), ''] }],
      ['', { headers: ['n', 'x'.repeat(4096)] }],
    ]
    for (const [key, properties] of faults)
      expect(() => writer.publish(1, '', key, properties, Buffer.from('lost'), 4096)).toThrow(/255 bytes|larger than a frame/)
    writer.ack(1, 1, false)
    expect(Buffer.concat(writer.take()).equals(defs.encodeMethod(defs.BasicAck, 1, ack(1, false)))).toBe(true)
  })
})
