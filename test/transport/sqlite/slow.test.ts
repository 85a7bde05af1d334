import { expect, test } from 'vitest'
import type { Settlement } from '../../../src/transport/seam.ts'
import { batchOf, consumer, done, elsewhere, look, never, opened, outgoing, place, until } from './stores.ts'

const many = 14_000
/** The oldest message that is still in the log. */
const oldest = (file: string): number => look<{ first: number | null }>(file, 'SELECT min(first) AS first FROM segment')[0]?.first ?? many

async function flood(send: (batch: ReturnType<typeof batchOf>) => unknown): Promise<void> {
  for (let round = 0; round < many / 1000; round++) await send(batchOf(1000, `r${round}`, 500))
}

test('a message that is handled for long does not keep the log from being trimmed, and is settled in its time', async () => {
  const file = place()
  const { transport } = await opened({ file })
  let settle: (settlement: Settlement) => void = () => {}
  const slow = new Promise<Settlement>((resolve) => (settle = resolve))
  const { ids } = await consumer(transport, ({ message }) => (message.id === 'slow' ? slow : done))
  await transport.send([outgoing('slow', 'its key'), outgoing('behind it', 'its key')])
  await flood((batch) => transport.send(batch))
  await until(
    () => ids().length === many + 2,
    () => `${ids().length} of ${many + 2}`,
  )
  await until(
    () => oldest(file) > 1000,
    () => `the log begins at ${oldest(file)}`,
  )
  const depth = async () => (await transport.admin?.depths())?.find(({ channel }) => channel.address === 'queue')
  expect((await depth())?.parked).toBe(1)
  settle(done)
  await until(
    async () => (await depth())?.parked === 0,
    () => 'it is not settled',
  )
  expect(await depth()).toMatchObject({ waiting: 0, parked: 0 })
  expect(ids().filter((id) => id === 'slow')).toHaveLength(1)
})

test('and it is counted where its process dies meanwhile', async () => {
  const file = place()
  const victim = await elsewhere({ file })
  const { transport } = await opened({ file })
  const held = await consumer(victim.transport, ({ message }) => (message.id === 'slow' ? never() : done))
  await transport.send([outgoing('slow', 'its key')])
  await flood((batch) => transport.send(batch))
  await until(
    () => held.deliveries.length === many + 1 && oldest(file) > 1000,
    () => `${held.deliveries.length} came, the log begins at ${oldest(file)}`,
  )
  await victim.kill()
  const { deliveries } = await consumer(transport)
  await until(
    () => deliveries.some(({ message }) => message.id === 'slow'),
    () => `${deliveries.length} came`,
  )
  expect(deliveries.find(({ message }) => message.id === 'slow')?.lost).toBe(1)
})
