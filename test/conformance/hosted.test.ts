import { expect, test } from 'vitest'
import { hostedMember } from '../../src/testing/index.ts'
import { sampleMessage } from '../../src/testing/samples.ts'
import type { Delivery } from '../../src/transport/seam.ts'

const module = new URL('./memory-member.ts', import.meta.url)
const limits = { durable: true, maxMessages: 10, maxBytes: 1e6 }
const queue = { address: 'queue', kind: 'point-to-point' } as const

test('every call of the seam reaches a member in a process of its own', async () => {
  const { transport, kill } = await hostedMember(module, ['a'])
  const capabilities = await transport.open(() => {})
  expect(capabilities.ordersByKey).toBe(true)
  await transport.provision([queue], 'create')
  await expect(transport.provision([{ address: 'other', kind: 'point-to-point' }], 'check')).rejects.toMatchObject({ name: 'PabalError' })
  const came: Delivery[] = []
  const assigned: string[] = []
  const inboxed: string[] = []
  const inbox = await transport.inbox('me', async ({ message }) => {
    inboxed.push(message.id)
    return { emit: [] }
  })
  const message = sampleMessage('m-1', 5, { key: 'k', body: Uint8Array.from([0, 255]), headers: { A: 'b' } })
  const reply = { channel: { address: inbox.address, kind: 'inbox' }, message: sampleMessage('reply', 6), durable: false } as const
  const subscription = await transport.subscribe(queue, { ...limits, assigned: (shard) => void assigned.push(shard) }, async (delivery) => {
    came.push(delivery)
    if (came.length === 1) throw new Error('the first time')
    return { emit: [reply] }
  })
  const results = await transport.send([
    { channel: queue, message, durable: true },
    { channel: queue, message: sampleMessage('big', 5, { body: new Uint8Array(capabilities.maxBytes + 1) }), durable: true },
  ])
  expect([results[0], (results[1] as { code?: string }).code]).toEqual(['sent', 'MESSAGE_TOO_LARGE'])
  await expect.poll(() => inboxed).toEqual(['reply'])
  expect(came).toHaveLength(2)
  expect(came[0]?.message).toMatchObject({ id: 'm-1', key: 'k', headers: { A: 'b' } })
  expect([...(came[0]?.message.body ?? [])]).toEqual([0, 255])
  expect(assigned.length).toBeGreaterThan(0)
  await subscription.close()
  await inbox.close()
  await kill()
  await expect(transport.send([{ channel: queue, message, durable: true }])).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a frozen member answers when it is thawed; a killed one never', async () => {
  const { transport, kill, freeze, thaw } = await hostedMember(module, ['b'])
  await transport.open(() => {})
  await freeze()
  let answered = false
  const provisioning = transport.provision([queue], 'create').then(() => {
    answered = true
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(answered).toBe(false)
  await thaw()
  await provisioning
  await freeze()
  const never = transport.provision([queue], 'create')
  await kill()
  await expect(never).rejects.toMatchObject({ code: 'CLOSED' })
})
