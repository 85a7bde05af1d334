import { expect, test } from 'vitest'
import type { Admin, ParkNote, Place, Settlement, Stored } from '../../../src/transport/seam.ts'
import { consumer, done, look, opened, outgoing, place, queue, until } from './stores.ts'

const waiting: Place = { channel: queue }
const parked: Place = { channel: queue, parked: true }
const reason: ParkNote = { attempts: 2, code: 'HANDLER_FAILED', reason: 'no tomatoes' }

test('discarding what waits in a channel that nobody reads takes it from the disk', async () => {
  const file = place()
  const { transport } = await opened({ file })
  const admin = transport.admin as Admin
  for (let n = 0; n < 5; n++) await transport.send([outgoing(`m${n}`, `k${n}`), outgoing(`n${n}`, `k${n}`)])
  expect((await admin.depths()).find(({ channel }) => channel.address === 'queue')).toMatchObject({ waiting: 10, parked: 0, owners: {} })
  const stored = await admin.browse(waiting, { limit: 100 })
  expect(stored.map(({ message }) => message.id)).toEqual(['m0', 'n0', 'm1', 'n1', 'm2', 'n2', 'm3', 'n3', 'm4', 'n4'])
  expect(look(file, 'SELECT 1 FROM segment')).toHaveLength(5)
  for (const { position, message } of stored) if (message.id !== 'n3') expect(await admin.discard(waiting, position)).toBe(true)
  expect(await admin.discard(waiting, stored[0]?.position as string)).toBe(false)
  expect((await admin.browse(waiting, { limit: 100 })).map(({ message }) => message.id)).toEqual(['n3'])
  expect(look(file, 'SELECT 1 FROM segment').length).toBeLessThanOrEqual(2)
  const { ids } = await consumer(transport)
  await until(
    () => ids().length > 0,
    () => 'nothing came',
  )
  await transport.send([outgoing('end', 'k3')])
  await until(
    () => ids().includes('end'),
    () => `${ids()}`,
  )
  expect(ids()).toEqual(['n3', 'end'])
})

test('pages of a queue and of a lot', async () => {
  const { transport } = await opened({ file: place() })
  const admin = transport.admin as Admin
  await transport.send(Array.from({ length: 25 }, (_, n) => outgoing(`m${n}`, `k${n}`)))
  const pages = async (from: Place) => {
    const found: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await admin.browse(from, { limit: 10, after })
      if (page.length === 0) return found
      found.push(...page.map(({ message }) => message.id))
      after = page.at(-1)?.position
    }
  }
  const all = Array.from({ length: 25 }, (_, n) => `m${n}`)
  expect(await pages(waiting)).toEqual(all)
  for (const { position } of await admin.browse(waiting, { limit: 100 }))
    expect(await admin.move(waiting, position, waiting, reason)).toBe(true)
  expect(await pages(waiting)).toEqual([])
  expect(await pages(parked)).toEqual(all)
  expect((await admin.browse(parked, { limit: 1 }))[0]?.note).toEqual(reason)
})

test('a parked message is amended, redriven and discarded; its followers come after it', async () => {
  const { transport } = await opened({ file: place() })
  const admin = transport.admin as Admin
  const came: string[] = []
  await consumer(transport, ({ message, parked: note }) => {
    if (note === undefined && message.key === 'k') return { park: { ...reason, reason: message.id } }
    came.push(`${message.id}:${Buffer.from(message.body)}`)
    return done
  })
  await transport.send(['a', 'b', 'c'].map((id) => outgoing(id, 'k', { body: Buffer.from(id) })))
  await until(
    async () => (await admin.depths()).find(({ channel }) => channel.address === 'queue')?.parked === 3,
    () => 'nothing is parked',
  )
  const [a, b, c] = await admin.browse(parked, { limit: 10 })
  if (a === undefined || b === undefined || c === undefined) throw new Error('three are parked')
  expect([a.note?.reason, b.note?.reason, c.note?.reason]).toEqual(['a', 'b', 'c'])
  // a follower that was asked for waits for its head
  expect(await admin.amend(parked, c.position, { ...reason, order: 'redrive' })).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(came).toEqual([])
  expect(await admin.discard(parked, b.position)).toBe(true)
  expect(await admin.discard(parked, b.position)).toBe(false)
  expect(await admin.amend(parked, b.position, reason)).toBe(false)
  expect(await admin.amend(parked, a.position, { ...reason, order: 'redrive' }, { ...a.message, body: Buffer.from('corrected') })).toBe(
    true,
  )
  await until(
    () => came.length === 2,
    () => `${came}`,
  )
  expect(came).toEqual(['a:corrected', 'c:c'])
  expect((await admin.depths()).find(({ channel }) => channel.address === 'queue')).toMatchObject({ waiting: 0, parked: 0 })
})

test('what a person asks for while a parked message is being handled is done when it is parked again', async () => {
  const { transport } = await opened({ file: place() })
  const admin = transport.admin as Admin
  const orders: (string | undefined)[] = []
  let fail: (settlement: Settlement) => void = () => {}
  await consumer(transport, ({ parked: note }) => {
    if (note === undefined) return { park: { ...reason, due: 0 } }
    orders.push(note.order)
    return orders.length > 1 ? done : new Promise<Settlement>((resolve) => (fail = resolve))
  })
  await transport.send([outgoing('a', 'k')])
  await until(
    () => orders.length === 1,
    () => 'it does not come out of the lot',
  )
  const [a] = await admin.browse(parked, { limit: 10 })
  expect(await admin.amend(parked, a?.position ?? '', { ...reason, order: 'skip' })).toBe(true)
  fail({ park: { ...reason, due: Date.now() + 3_600_000, reason: 'it failed again' } })
  await until(
    () => orders.length === 2,
    () => 'what was asked for is forgotten',
  )
  expect(orders).toEqual([undefined, 'skip'])
})

test('what is not due yet is shown after the rest, page by page, with its time; it can be taken away and not moved', async () => {
  const { transport } = await opened({ file: place() })
  const admin = transport.admin as Admin
  const later = Date.now() + 60_000
  const sent = (id: string): number => (id === 'd2' ? 1 : 2)
  const delayed = (id: string) => {
    const made = outgoing(id, 'k', { notBefore: later })
    return { ...made, message: { ...made.message, time: sent(id) } }
  }
  await transport.send([outgoing('a', 'k'), delayed('d1'), outgoing('b', 'k'), delayed('d2'), delayed('d3')])
  const depth = async () => (await admin.depths()).find(({ channel }) => channel.address === 'queue')
  expect(await depth()).toMatchObject({ waiting: 5, oldest: expect.any(Number) })
  for (const limit of [1, 2, 3, 10]) {
    const found: Stored[] = []
    for (let after: string | undefined; ; after = found.at(-1)?.position) {
      const page = await admin.browse(waiting, { limit, after })
      expect(page.length).toBeLessThanOrEqual(limit)
      if (page.length === 0) break
      found.push(...page)
    }
    expect(found.map(({ message, notBefore }) => [message.id, notBefore])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['d1', later],
      ['d2', later],
      ['d3', later],
    ])
  }
  const [a, b, d1, d2] = (await admin.browse(waiting, { limit: 10 })).map(({ position }) => position)
  if (a === undefined || b === undefined || d1 === undefined || d2 === undefined) throw new Error('five wait')
  expect(await admin.move(waiting, d2, waiting, reason)).toBe(false)
  expect([await admin.discard(waiting, d2), await admin.discard(waiting, d2)]).toEqual([true, false])
  for (const position of [a, b]) expect(await admin.discard(waiting, position)).toBe(true)
  expect(await depth()).toMatchObject({ waiting: 2, oldest: 2 })
  expect((await admin.browse(waiting, { limit: 10 })).map(({ message }) => message.id)).toEqual(['d1', 'd3'])
})
