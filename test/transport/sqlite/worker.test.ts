import { expect, test } from 'vitest'
import type { PabalError } from '../../../src/errors.ts'
import { batchOf, codes, consumer, never, opened, outgoing, place, refused, until } from './stores.ts'

test('a worker that dies of an exception: everything says so, and nothing waits for ever', async () => {
  const file = place()
  const { transport, states } = await opened({ file, faults: { crash: { point: 'transport.commit.after', pass: 20 } } })
  const { deliveries } = await consumer(transport, () => never())
  let sent = 0
  let error: PabalError | undefined
  for (let n = 0; error === undefined; n++) {
    const [result] = await transport.send([outgoing(`m${n}`)])
    if (result === 'sent') sent++
    else error = result as PabalError
  }
  expect(error).toMatchObject({
    code: 'STORE_UNUSABLE',
    retryable: false,
    message: expect.stringContaining('the worker of the store ended: a fault was asked for'),
  })
  expect(sent).toBeGreaterThan(0)
  expect(states.at(-1)).toMatchObject({ ready: false, reason: expect.stringContaining('the worker of the store ended') })
  expect(codes(await transport.send(batchOf(3)))).toEqual(['STORE_UNUSABLE'])
  await refused('STORE_UNUSABLE', () => transport.admin?.depths())
  await refused('STORE_UNUSABLE', () => consumer(transport))
  const began = performance.now()
  await transport.close()
  expect(performance.now() - began).toBeLessThan(5000)
  expect(states.at(-1)?.ready).toBe(false)
  expect(deliveries.length).toBeLessThanOrEqual(sent + 1)
  // what was acknowledged is there, also what was handed out
  const again = await opened({ file })
  const second = await consumer(again.transport)
  await until(
    () => new Set(second.ids()).size >= sent,
    () => `${second.ids().length} of ${sent}`,
  )
})
