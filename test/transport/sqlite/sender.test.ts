import { expect, test } from 'vitest'
import { sampleMessage } from '../../../src/testing/samples.ts'
import type { StoreClient } from '../../../src/transport/sqlite/client.ts'
import { Sender } from '../../../src/transport/sqlite/sender.ts'

test('whoever reads is woken before whoever sent goes on', async () => {
  const order: string[] = []
  const store = { call: async () => ({ stored: [{ channel: 'queue', first: 0 }], nextDue: null }) } as unknown as StoreClient
  // The mesh writes what it is told at the end of the tick.
  const sender = new Sender(store, 1, () => void process.nextTick(() => order.push('woken')))
  await sender.send({ channel: { address: 'queue', kind: 'point-to-point' }, message: sampleMessage('m', 0), durable: true })
  order.push('sent')
  expect(order).toEqual(['woken', 'sent'])
})
