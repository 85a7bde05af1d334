import { expect, test } from 'vitest'
import { optionsFromUrl, settingsOf } from '../../src/transport/kafka/options.ts'

const failing = (act: () => unknown): { code?: string; message: string } => {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was refused')
}

test('a URL says everything', () => {
  const url =
    'kafkas://us%40er:p%3Aw@a:1,b,[::1]:3?prefix=test.&partitions=4&replicas=3&sasl=scram-sha-512&sessionTimeout=9000&servername=broker'
  const settings = settingsOf(optionsFromUrl(url))
  expect(settings).toMatchObject({
    brokers: [
      { host: 'a', port: 1 },
      { host: 'b', port: 9092 },
      { host: '::1', port: 3 },
    ],
    prefix: 'test.',
    partitions: 4,
    replicas: 3,
    sessionTimeout: 9000,
    tls: { servername: 'broker' },
    sasl: { mechanism: 'scram-sha-512', username: 'us@er', password: 'p:w' },
  })
  expect(settingsOf(optionsFromUrl('kafka://127.0.0.1'))).toMatchObject({ tls: undefined, sasl: undefined, partitions: 16, replicas: -1 })
})

test.each([
  ['kafka://', 'INVALID_OPTION', 'names no broker'],
  ['kafka:nothing', 'INVALID_OPTION', 'not understood'],
  ['kafka://a?prefixx=1', 'UNKNOWN_OPTION', 'prefixx'],
  ['kafka://a?partitions=many', 'INVALID_OPTION', 'partitions'],
  ['kafka://a?ca=./nowhere.pem', 'INVALID_OPTION', 'ca'],
  ['kafka://a?sasl=plain', 'INVALID_OPTION', 'without credentials'],
  ['kafka://user@a', 'INVALID_OPTION', 'without a password'],
])('%s is refused with %s', (url, code, said) => {
  const error = failing(() => optionsFromUrl(url))
  expect(error.message).toContain(said)
  expect(error.message.includes(code) || error.code === code).toBe(true)
})

test.each([
  [{ brokers: [] }, 'brokers'],
  [{ brokers: ['a:99999'] }, 'brokers'],
  [{ brokers: ['a'], prefix: 'ä' }, 'prefix'],
  [{ brokers: ['a'], partitions: 0 }, 'partitions'],
  [{ brokers: ['a'], tls: 1 as never }, 'tls'],
  [{ brokers: ['a'], sasl: { mechanism: 'magic' as never, username: 'u', password: 'p' } }, 'mechanism'],
  [{ brokers: ['a'], nonsense: 1 } as never, 'nonsense'],
])('%o is refused', (options, said) => expect(failing(() => settingsOf(options)).message).toContain(said))

test('a password is never said', () => {
  const secret = 'S3cret!'
  for (const url of [`kafka://user:${secret}@a?nonsense=1&partitions=x`, `kafka://user:${secret}@a b`, `kafka://user:${secret}@?x`])
    expect(failing(() => settingsOf(optionsFromUrl(url))).message).not.toContain(secret)
})
