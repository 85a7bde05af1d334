import { existsSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Settlement } from '../../../src/transport/seam.ts'
import { batchOf, codes, consumer, done, elsewhere, never, opened, outgoing, place, topic, until } from './stores.ts'

const maxSize = 4 * 1024 * 1024
const sizeOf = (file: string) => (existsSync(file) ? statSync(file).size : 0)

test('a full store refuses sends, is emptied by its consumers, takes sends again and gives the disk back', async () => {
  const file = place()
  const { transport } = await opened({ file, maxSize })
  const accepted: string[] = []
  for (let round = 0; ; round++) {
    const batch = batchOf(200, `r${round}`, 1000)
    const results = await transport.send(batch)
    if (results[0] !== 'sent') {
      expect(codes(results)).toEqual(['STORE_FULL'])
      break
    }
    accepted.push(...batch.map(({ message }) => message.id))
  }
  // it was used, and no more than allowed
  expect(accepted.length * 1000).toBeGreaterThan(maxSize * 0.8)
  expect(sizeOf(file)).toBeLessThan(maxSize * 1.05)
  expect(codes(await transport.send(batchOf(200, 'again', 1000)))).toEqual(['STORE_FULL'])
  const { ids } = await consumer(transport)
  await until(
    () => ids().length >= accepted.length,
    () => `${ids().length} of ${accepted.length}`,
  )
  expect(ids().sort()).toEqual(accepted.sort())
  await until(
    async () => codes(await transport.send(batchOf(200, 'later', 1000)))[0] === 'sent',
    () => 'still refused',
  )
  await until(
    () => sizeOf(file) < maxSize / 2,
    () => `the file still has ${sizeOf(file)} bytes`,
  )
  expect(sizeOf(`${file}-wal`)).toBeLessThan(16 * 1024 * 1024 + 8192)
})

// 500: within the reserve; 3,000: all that the store has, which is more than that
test.each([500, 3000])(
  'the %i messages of 1 KB that a dead consumer held in a full store are taken over; parking and emissions go through while sends are refused',
  async (inHands) => {
    const file = place()
    const victim = await elsewhere({ file, maxSize })
    const { transport, states } = await opened({ file, maxSize })
    const held = await consumer(victim.transport, never, { maxMessages: inHands })
    const accepted: string[] = []
    const fill = async (count: number): Promise<boolean> => {
      const batch = batchOf(count, `f${accepted.length}`, 1000)
      const full = (await transport.send(batch))[0] !== 'sent'
      if (!full) accepted.push(...batch.map(({ message }) => message.id))
      return full
    }
    while (!(await fill(100)));
    while (!(await fill(1)));
    await until(
      () => held.deliveries.length === inHands,
      () => `${held.deliveries.length} handed out`,
    )
    const survivor = new Set<string>()
    const parked = new Set<string>()
    let emitted = 0
    await victim.kill()
    await consumer(transport, ({ message, parked: note }): Settlement => {
      survivor.add(message.id)
      if (note === undefined && parked.size < 100 && message.id.endsWith('-7')) {
        parked.add(message.id)
        return { park: { attempts: 1, code: 'HANDLER_FAILED', reason: 'try later' } }
      }
      // a dead letter, say: nobody reads that channel
      emitted++
      return emitted <= 300
        ? {
            emit: [
              outgoing(`dead-${emitted}`, undefined, {
                channel: { address: 'queue.dead', kind: 'point-to-point' },
                body: Buffer.alloc(500),
              }),
            ],
          }
        : done
    })
    await until(
      () => accepted.every((id) => survivor.has(id)),
      () => `${survivor.size} of ${accepted.length}`,
    )
    expect(parked.size).toBeGreaterThan(0)
    const depths = (await transport.admin?.depths()) ?? []
    await until(
      async () => ((await transport.admin?.depths()) ?? []).find(({ channel }) => channel.address === 'queue.dead')?.waiting === 300,
      () => JSON.stringify(depths),
    )
    // What is held may be more than the reserve: then the store says so for a moment, and goes on.
    if (inHands <= 500) expect(states.every((state) => state.ready)).toBe(true)
    else expect(states.at(-1)?.ready ?? true).toBe(true)
    await until(
      async () => codes(await transport.send([outgoing('later')]))[0] === 'sent',
      () => 'still refused',
    )
  },
  40_000,
)

test('a delayed message counts, and one message that is larger than all that is left is refused alone', async () => {
  const { transport } = await opened({ file: place(), maxSize })
  expect(codes(await transport.send([outgoing('large', 'k', { body: Buffer.alloc(5_000_000) })]))).toEqual(['STORE_FULL'])
  expect(codes(await transport.send([outgoing('late', 'k', { body: Buffer.alloc(5_000_000), notBefore: Date.now() + 60_000 })]))).toEqual([
    'STORE_FULL',
  ])
  const both = await Promise.all([transport.send([outgoing('small')]), transport.send([outgoing('event', 'k', { channel: topic })])])
  expect(both.flat()).toEqual(['sent', 'sent'])
})

test('100,000 messages come and go, and the file is small again', async () => {
  const file = place()
  const { transport } = await opened({ file })
  for (let round = 0; round < 100; round++) expect(codes(await transport.send(batchOf(1000, `r${round}`, 200)))).toEqual(['sent'])
  const largest = sizeOf(file)
  let handled = 0
  await consumer(transport, () => {
    handled++
    return done
  })
  await until(
    () => handled === 100_000,
    () => `${handled} handled`,
    30_000,
  )
  // The rest of it lies in the write-ahead log.
  expect(largest).toBeGreaterThan(10_000_000)
  await until(
    () => sizeOf(file) < 4_000_000,
    () => `the file still has ${sizeOf(file)} of ${largest} bytes`,
    30_000,
  )
}, 90_000)
