import { describe, expect, test } from 'vitest'
import { type AmqpOptions, amqp } from '../../src/transport/amqp/index.ts'
import { settingsOf } from '../../src/transport/amqp/options.ts'

const refused = (options: AmqpOptions): { code?: string; message: string } => {
  try {
    amqp(options)
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('nothing was refused')
}

describe('options', () => {
  test('an address alone', () => {
    expect(settingsOf({ url: 'amqp:' })).toMatchObject({
      hostname: 'localhost',
      port: 5672,
      username: 'guest',
      vhost: '/',
      prefix: 'pabal',
    })
    expect(settingsOf({ url: 'amqps://broker.example' })).toMatchObject({ protocol: 'amqps', port: 5671 })
    expect(settingsOf({ url: 'amqp://broker.example' })).toMatchObject({ queues: 'quorum', shards: undefined, heartbeat: 2, ahead: false })
  })

  test('everything in the address', () => {
    const url =
      'amqp://ann:s%40crt@[::1]:5673/my%2Fhost?prefix=test&shards=4&queues=classic&heartbeat=5&ahead=true&sendWithin=100&prefetch=7'
    expect(settingsOf({ url })).toMatchObject({
      hostname: '::1',
      port: 5673,
      username: 'ann',
      password: 's@crt',
      vhost: 'my/host',
      prefix: 'test',
      shards: 4,
      queues: 'classic',
      heartbeat: 5,
      ahead: true,
      sendWithin: 100,
      prefetch: 7,
    })
  })

  test('an option of the object wins over the address', () => {
    expect(settingsOf({ url: 'amqp://localhost?prefix=one', prefix: 'two' }).prefix).toBe('two')
  })

  test.each([
    ['amqp://localhost?shardz=4', 'UNKNOWN_OPTION', 'shardz'],
    ['amqp://localhost?shards=none', 'INVALID_OPTION', '"none"'],
    ['amqp://localhost?shards=0', 'INVALID_OPTION', 'from 1'],
    ['amqp://localhost?queues=stream', 'INVALID_OPTION', '"stream"'],
    ['amqp://localhost?prefix=a:b', 'INVALID_OPTION', '"a:b"'],
    ['amqp://localhost?ca=/nowhere/ca.pem', 'INVALID_OPTION', 'option ca cannot be read'],
    ['http://localhost', 'INVALID_OPTION', 'amqp://user:password@host:5672/vhost'],
    ['amqp://', 'INVALID_OPTION', 'cannot be read'],
    ['amqp://localhost?shards=none&queues=x', 'INVALID_CONFIGURATION', '2 faults'],
  ])('%s is refused', (url, code, text) => {
    const error = refused({ url })
    expect(error).toMatchObject({ code })
    expect(error.message).toContain(text)
  })

  test('unknown options of the object, and certificates without TLS', () => {
    expect(refused({ url: 'amqp://localhost', shard: 3 } as AmqpOptions)).toMatchObject({ code: 'UNKNOWN_OPTION' })
    expect(refused({ url: 'amqps://localhost', tls: { pfx: 'x' } } as AmqpOptions)).toMatchObject({ code: 'UNKNOWN_OPTION' })
    expect(refused({ url: 'amqp://localhost', tls: { ca: 'x' } })).toMatchObject({ code: 'INVALID_OPTION' })
  })

  test('a password is in no error', () => {
    for (const url of ['amqp://ann:hunter2@localhost?shards=none', 'amqp://ann:hunter2@localhost:99999', 'amqp://ann:hunter2@?x=1'])
      expect(refused({ url }).message).not.toContain('hunter2')
  })
})
