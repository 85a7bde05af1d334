import { expect, test } from 'vitest'
import { child, freshFolder, member, until } from './members.ts'

const kib64 = 64 * 1024

test('a member that does not read takes a bounded part of memory, and refusals say so', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { pingEvery: 50, frozenAfter: 300, maxQueue: 16 * kib64 })
  const c = await child(folder, 'c')
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  c.process.kill('SIGSTOP')
  const outcomes: ('sent' | Promise<'sent' | 'no-receiver'>)[] = []
  for (let i = 0; i < 1000; i++) {
    outcomes.push(a.mesh.send('c', c.address, Buffer.allocUnsafeSlow(kib64)))
    if (i % 10 === 0) await new Promise((next) => setImmediate(next))
  }
  const sent = outcomes.filter((outcome) => outcome === 'sent').length
  const refused = await Promise.all(outcomes.map((outcome) => Promise.race([outcome, Promise.resolve('waits')])))
  // Held in memory: the queue and as much again; a little more has gone into the kernel.
  expect(refused.filter((outcome) => outcome === 'waits').length).toBeLessThanOrEqual(17)
  expect(sent).toBeGreaterThanOrEqual(15)
  expect(sent).toBeLessThan(60)
  const settled = await Promise.all(outcomes)
  expect(settled.filter((outcome) => outcome === 'no-receiver')).toHaveLength(1000 - sent)
  await until('frozen', () => a.gone.length === 1)
  expect(a.gone).toMatchObject([{ how: 'frozen' }])
})

test.each([kib64 - 5, 1000])('those who wait for a slow reader are sent once, in order: %i bytes', async (size) => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { maxQueue: 4 * kib64 })
  const c = await child(folder, 'c')
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  c.process.kill('SIGSTOP')
  const outcomes = []
  let waiting = 0
  for (let i = 0; waiting < 4; i++) {
    const frame = Buffer.alloc(size)
    frame.writeUInt32LE(i, 0)
    const outcome = a.mesh.send('c', c.address, frame)
    outcomes.push(outcome)
    if (outcome !== 'sent') waiting++
    await new Promise((next) => setImmediate(next))
  }
  c.process.kill('SIGCONT')
  expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => 'sent'))
  await until('the echoes', () => a.frames.length === outcomes.length)
  expect(a.frames.map(({ frame }) => frame.readUInt32LE(0))).toEqual(outcomes.map((_, i) => i))
})

test('one frame larger than the queue is allowed', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { maxQueue: 1000 })
  const b = await member(folder, 'b')
  expect(await a.mesh.send('b', b.mesh.address, Buffer.alloc(5_000_000))).toBe('sent')
  await until('the frame', () => b.frames.length === 1)
})
