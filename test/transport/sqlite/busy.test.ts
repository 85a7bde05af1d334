import { fork } from 'node:child_process'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import type { PabalError } from '../../../src/errors.ts'
import { batchOf, codes, consumer, done, elsewhere, look, never, opened, outgoing, place, refused, until } from './stores.ts'

/** Another program's connection; it waits for its turn to lock. */
function locker(file: string): DatabaseSync {
  const db = new DatabaseSync(file)
  db.exec('PRAGMA busy_timeout = 5000')
  return db
}

test('a process stopped inside a write transaction is named, and its end frees the store', async () => {
  const file = place()
  const { transport, states } = await opened({ file, frozenAfter: 600, busyAfter: 3000 })
  const stopped = await elsewhere({
    file,
    frozenAfter: 60_000,
    faults: { kill: { point: 'transport.commit.before', pass: 12, signal: 'SIGSTOP' } },
  })
  const [{ pid } = { pid: 0 }] = look<{ pid: number }>(file, `SELECT pid FROM member WHERE pid <> ${process.pid}`)
  expect(pid).toBeGreaterThan(1)
  let answered = 0
  const sending = (async () => {
    for (let n = 0; ; n++) {
      await stopped.transport.send([outgoing(`s${n}`)])
      answered++
    }
  })().catch(() => undefined)
  let before = -1
  await until(
    async () => {
      const same = answered === before
      before = answered
      await new Promise((resolve) => setTimeout(resolve, 300))
      return same
    },
    () => 'it goes on',
  )
  const began = performance.now()
  const [result] = await transport.send([outgoing('mine')])
  expect((result as PabalError).code).toBe('STORE_BUSY')
  expect((result as PabalError).message).toContain(`the process that answers nothing: pid ${pid}`)
  expect((result as PabalError).retryable).toBe(true)
  // those behind it do not each wait as long again
  expect(codes((await Promise.all([1, 2, 3, 4, 5, 6].map((n) => transport.send([outgoing(`n${n}`)])))).flat())).toEqual(['STORE_BUSY'])
  expect(performance.now() - began).toBeLessThan(8000)
  expect(states.length).toBeGreaterThan(0)
  await stopped.kill()
  await sending
  await until(
    async () => codes(await transport.send([outgoing('after')]))[0] === 'sent',
    () => 'still refused',
  )
  const { ids } = await consumer(transport)
  await until(
    () => ids().includes('after') && answered <= ids().filter((id) => id.startsWith('s')).length,
    () => `${ids().length} came, ${answered} were acknowledged to it`,
  )
})

test('a store that another program holds cannot be joined, and that is said', async () => {
  const file = place()
  await (await opened({ file })).transport.close()
  const other = locker(file)
  other.exec('BEGIN IMMEDIATE')
  const error = await refused('STORE_BUSY', () => opened({ file, busyAfter: 200 }))
  expect(error.message).toContain('look for other programs')
  other.exec('ROLLBACK')
  other.close()
  const { transport } = await opened({ file, busyAfter: 200 })
  expect(await transport.send([outgoing('a')])).toEqual(['sent'])
})

test('what was handed out while the store was held is settled when it is free again', async () => {
  const file = place()
  const { transport, states } = await opened({ file, busyAfter: 100 })
  let settle: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    settle = resolve
  })
  const { deliveries } = await consumer(transport, () =>
    held.then(() => ({ emit: [outgoing('emitted', undefined, { channel: { address: 'other', kind: 'point-to-point' } })] })),
  )
  await transport.send([outgoing('a', 'k')])
  await until(
    () => deliveries.length === 1,
    () => 'nothing came',
  )
  const other = locker(file)
  other.exec('BEGIN IMMEDIATE')
  settle()
  await until(
    () => states.at(-1)?.ready === false,
    () => 'it says that it is ready',
  )
  expect(states.at(-1)).toMatchObject({ reason: expect.stringContaining('STORE_BUSY') })
  await new Promise((resolve) => setTimeout(resolve, 600))
  other.exec('ROLLBACK')
  other.close()
  await until(
    () => states.at(-1)?.ready === true,
    () => 'it says that it is not ready',
  )
  await until(
    async () => (await transport.admin?.depths())?.find(({ channel }) => channel.address === 'other')?.waiting === 1,
    () => 'the emission is missing',
  )
  expect(states.filter(({ ready }) => ready).length, 'said once').toBe(2)
  await transport.send([outgoing('b', 'k')])
  await until(
    () => deliveries.length === 2,
    () => 'b did not come',
  )
  expect(deliveries.map(({ message, lost }) => [message.id, lost])).toEqual([
    ['a', 0],
    ['b', 0],
  ])
})

test('a process that dies while the store is held is taken over when it is free again', async () => {
  const file = place()
  const victim = await elsewhere({ file })
  const held = await consumer(victim.transport, never)
  const { transport } = await opened({ file, busyAfter: 100 })
  await transport.send(batchOf(20))
  await until(
    () => held.deliveries.length === 20,
    () => `${held.deliveries.length} of 20`,
  )
  const { deliveries } = await consumer(transport)
  const other = locker(file)
  other.exec('BEGIN IMMEDIATE')
  await victim.kill()
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(deliveries).toEqual([])
  other.exec('ROLLBACK')
  other.close()
  await until(
    () => deliveries.length === 20,
    () => `${deliveries.length} of 20`,
  )
  expect(deliveries.map(({ lost }) => lost)).toEqual(Array.from({ length: 20 }, () => 1))
})

test('close ends although the store takes nothing, and what could not be settled comes again', async () => {
  const file = place()
  const { transport } = await opened({ file, busyAfter: 100 })
  const { deliveries } = await consumer(transport, async () => done)
  await transport.send([outgoing('a', 'k')])
  await until(
    async () => deliveries.length === 1 && (await transport.admin?.depths())?.[0]?.waiting === 0,
    () => 'a is not settled',
  )
  const other = locker(file)
  const held = await consumer(transport, () => new Promise((resolve) => setTimeout(() => resolve(done), 300)))
  await transport.send(['b', 'c', 'd', 'e', 'f', 'g'].map((id) => outgoing(id, id)))
  await until(
    () => deliveries.length + held.deliveries.length === 7,
    () => `${deliveries.length} and ${held.deliveries.length}`,
  )
  other.exec('BEGIN IMMEDIATE')
  const began = performance.now()
  await transport.close()
  expect(performance.now() - began).toBeLessThan(8000)
  other.exec('ROLLBACK')
  other.close()
  const again = await opened({ file })
  const second = await consumer(again.transport)
  const missing = held.ids()
  await until(
    () => missing.every((id) => second.ids().includes(id)),
    () => `${second.ids()} of ${missing}`,
  )
})

test('eight processes open a new store at the same moment', async () => {
  const file = place()
  const children = Array.from({ length: 8 }, () =>
    fork(new URL('./opener.ts', import.meta.url), { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
  )
  onTestFinished(() => children.forEach((child) => void child.kill('SIGKILL')))
  await Promise.all(children.map((child) => once(child, 'message')))
  const answers = children.map((child) => once(child, 'message'))
  for (const child of children) child.send(file)
  expect((await Promise.all(answers)).map(([text]) => text)).toEqual(children.map(() => 'opened'))
  expect(look(file, 'SELECT * FROM channel')).toHaveLength(8)
  expect(look(file, 'PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
  expect(look(file, 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }])
})
