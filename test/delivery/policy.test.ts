import { expect, test } from 'vitest'
import { defaultPolicy, policyFrom } from '../../src/delivery/policy.ts'

test('what is not said has its default', () => {
  expect(policyFrom()).toEqual(defaultPolicy)
  expect(defaultPolicy).toMatchObject({
    concurrency: 64,
    holdFor: 30_000,
    maxFollowers: 100,
    atEnd: 'skip',
    maxLosses: 3,
    unknownGrace: 30_000,
  })
})

test('durations are read as people write them', () => {
  const policy = policyFrom({ holdFor: '2m', unknownGrace: 500, retry: { attempts: 3, delay: '1s', maxDelay: '1h', jitter: 0 } })
  expect(policy).toMatchObject({ holdFor: 120_000, unknownGrace: 500, retry: { attempts: 3, delay: 1000, maxDelay: 3_600_000, jitter: 0 } })
})

test('an unknown option is refused by its name, with those that are known', () => {
  const asked = () => policyFrom({ concurency: 3 } as never, 'the consumer of Order')
  expect(asked).toThrowError(
    expect.objectContaining({
      code: 'UNKNOWN_OPTION',
      message: expect.stringMatching(/the consumer of Order.*"concurency".*concurrency, /),
    }),
  )
  expect(() => policyFrom({ retry: { delays: 3 } } as never)).toThrowError(
    expect.objectContaining({ code: 'UNKNOWN_OPTION', message: expect.stringContaining('delivery.retry') }),
  )
})

test.each([
  [{ concurrency: 0 }, 'concurrency'],
  [{ concurrency: 1.5 }, 'concurrency'],
  [{ maxMessages: Number.NaN }, 'maxMessages'],
  [{ maxBytes: '1MB' }, 'maxBytes'],
  [{ holdFor: 'soon' }, 'holdFor'],
  [{ holdFor: -1 }, 'holdFor'],
  [{ maxFollowers: -1 }, 'maxFollowers'],
  [{ atEnd: 'drop' }, '"park" or "skip"'],
  [{ maxLosses: 0 }, 'maxLosses'],
  [{ retryFor: 'always' }, 'retryFor'],
  [{ retry: { attempts: 0 } }, 'retry.attempts'],
  [{ retry: { jitter: 1.1 } }, 'retry.jitter'],
  [{ retry: { delay: '3 days' } }, 'retry.delay'],
  [{ retry: 5 }, 'delivery.retry is 5'],
])('a value that cannot be used is refused: %j', (options, named) => {
  expect(() => policyFrom(options as never)).toThrowError(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(named) }),
  )
})

test('all faults are told together', () => {
  let told = ''
  try {
    policyFrom({ concurrency: -1, hold: 3, retry: { attempts: 0 } } as never)
  } catch (error) {
    told = String(error)
    expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION' })
  }
  for (const part of ['3 faults', '"hold"', 'delivery.concurrency is -1', 'delivery.retry.attempts is 0']) expect(told).toContain(part)
})
