import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { batchOf, codes, consumer, opened, outgoing, place, until } from './stores.ts'

const parts = ['', '-wal', '-shm']

test('a file that is deleted while it is open: nothing is acknowledged any more', async () => {
  const file = place()
  const { transport, states } = await opened({ file })
  expect(codes(await transport.send(batchOf(10)))).toEqual(['sent'])
  for (const part of parts) rmSync(file + part, { force: true })
  const results = await transport.send(batchOf(10, 'lost'))
  expect(codes(results)).toEqual(['STORE_REPLACED'])
  expect(results[0]).toMatchObject({ retryable: false, message: expect.stringContaining('deleted or replaced') })
  await until(
    () => states.at(-1)?.ready === false,
    () => 'it says that it is ready',
  )
  expect(existsSync(file)).toBe(false)
})

test('a file that is replaced while it is open: what was acknowledged is in the old one, and nothing else', async () => {
  const file = place()
  const other = place()
  await opened({ file: other }).then(({ transport }) => transport.close())
  const { transport, states } = await opened({ file })
  const acknowledged: string[] = []
  let stopped = 0
  for (let round = 0; stopped < 3 && round < 50; round++) {
    const batch = batchOf(20, `r${round}`)
    const sending = transport.send(batch)
    if (round === 5) {
      for (const part of parts) if (existsSync(file + part)) renameSync(file + part, `${file}.old${part}`)
      copyFileSync(other, file)
    }
    const results = await sending
    if (results[0] === 'sent') acknowledged.push(...batch.map(({ message }) => message.id))
    else {
      expect(codes(results)).toEqual(['STORE_REPLACED'])
      stopped++
    }
  }
  expect(stopped).toBe(3)
  expect(acknowledged.length).toBeGreaterThanOrEqual(100)
  await until(
    () => states.at(-1)?.ready === false,
    () => 'it says that it is ready',
  )
  await transport.close()
  const old = await opened({ file: `${file}.old` })
  const { ids } = await consumer(old.transport)
  await until(
    () => ids().length >= acknowledged.length,
    () => `${ids().length} of ${acknowledged.length}`,
  )
  expect(ids().filter((id) => acknowledged.includes(id))).toHaveLength(acknowledged.length)
  const fresh = await opened({ file })
  expect(codes(await fresh.transport.send([outgoing('new')]))).toEqual(['sent'])
  const seen = await consumer(fresh.transport)
  await until(
    () => seen.ids().length > 0,
    () => 'nothing came',
  )
  expect(seen.ids()).toEqual(['new'])
})
