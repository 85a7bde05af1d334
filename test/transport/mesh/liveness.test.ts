import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { child, freshFolder, member, until } from './members.ts'

test('a killed member is seen at once', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const delays: number[] = []
  for (const id of ['c', 'd', 'e']) {
    const killed = await child(folder, id)
    await a.mesh.send(id, killed.address, Buffer.from(a.mesh.address))
    const at = performance.now()
    killed.process.kill('SIGKILL')
    await until('the death', () => a.gone.length > delays.length)
    expect(a.gone.at(-1)).toMatchObject({ member: id, how: 'dead' })
    delays.push((a.gone.at(-1)?.at ?? 0) - at)
  }
  // The best of three, since the machine may be busy with something else.
  expect(Math.min(...delays)).toBeLessThan(50)
})

test('a member that says goodbye is reported as closed, and only once', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const c = await child(folder, 'c')
  a.mesh.connect('c', c.address)
  // Traffic towards the one that closes must not turn its goodbye into a reset.
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  const sending = setInterval(() => a.gone.length === 0 && void a.mesh.send('c', c.address, Buffer.alloc(1000)), 1)
  c.process.stdin?.write('close\n')
  await once(c.process, 'exit')
  await until('the goodbye', () => a.gone.length > 0)
  clearInterval(sending)
  expect(a.gone).toMatchObject([{ member: 'c', how: 'closed' }])
})

test('a stopped member is frozen once, and back when it goes on', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { pingEvery: 100, frozenAfter: 1000 })
  const c = await child(folder, 'c')
  a.mesh.connect('c', c.address)
  await new Promise((next) => setTimeout(next, 1200))
  expect(a.gone).toEqual([])
  const at = performance.now()
  c.process.kill('SIGSTOP')
  await until('frozen', () => a.gone.length === 1)
  expect(a.gone).toMatchObject([{ member: 'c', how: 'frozen' }])
  expect((a.gone[0]?.at ?? 0) - at).toBeGreaterThan(900)
  await new Promise((next) => setTimeout(next, 1200))
  expect(a.gone).toHaveLength(1)
  c.process.kill('SIGCONT')
  await until('back', () => a.back.length === 1)
  expect(a.back).toEqual(['c'])
  // And the same again: a member that came back can freeze again.
  c.process.kill('SIGSTOP')
  await until('frozen again', () => a.gone.length === 2)
})

test('a stopped member whose queue of connections is full is dialled again until it goes on', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { pingEvery: 50, frozenAfter: 300 })
  const c = await child(folder, 'c')
  c.process.kill('SIGSTOP')
  const crowd = await fillBacklog(join(folder, c.address))
  const outcome = a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  await until('frozen', () => a.gone.length === 1)
  expect(a.gone).toMatchObject([{ member: 'c', how: 'frozen' }])
  for (const socket of crowd) socket.destroy()
  c.process.kill('SIGCONT')
  expect(await outcome).toBe('sent')
  await until('back', () => a.back.length === 1)
  expect(a.gone).toHaveLength(1)
})

/** Connects until the kernel takes no more. */
async function fillBacklog(path: string): Promise<Socket[]> {
  const crowd: Socket[] = []
  for (let full = false; !full; ) {
    const socket = connect(path)
    crowd.push(socket)
    full = await new Promise((settle) => {
      socket.once('connect', () => settle(false))
      socket.once('error', () => settle(true))
    })
    socket.on('error', () => undefined)
  }
  return crowd
}

test('who slept itself does not call others frozen', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a', { pingEvery: 100, frozenAfter: 1000 })
  const c = await child(folder, 'c')
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  for (let i = 0; i < 2; i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
    await new Promise((next) => setTimeout(next, 120))
  }
  expect(a.gone).toEqual([])
})

test('a member can be dialled anew after its end, under a new address', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const first = await child(folder, 'c')
  await a.mesh.send('c', first.address, Buffer.from(a.mesh.address))
  first.process.kill('SIGKILL')
  await until('the death', () => a.gone.length === 1)
  const second = await child(folder, 'c')
  await a.mesh.send('c', second.address, Buffer.from(a.mesh.address))
  a.mesh.send('c', second.address, Buffer.from('hello'))
  await until('the echo', () => a.frames.length === 1)
  expect(a.frames[0]?.frame.toString()).toBe('hello')
})

test('drop ends the link without a report, and writes what was sent before', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  await a.mesh.send('b', b.mesh.address, Buffer.from('1'))
  a.mesh.send('b', b.mesh.address, Buffer.from('2'))
  a.mesh.drop('b')
  await until('both frames', () => b.frames.length === 2)
  await b.mesh.close()
  expect(a.gone).toEqual([])
})

test('closing twice is one closing, and nothing can be sent afterwards', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  await a.mesh.send('b', b.mesh.address, Buffer.from('1'))
  expect(a.mesh.close()).toBe(a.mesh.close())
  await a.mesh.close()
  expect(() => a.mesh.send('b', b.mesh.address, Buffer.from('2'))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
})

test('an open mesh with links does not hold the process', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const c = await child(folder, 'c')
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  a.mesh.send('c', c.address, Buffer.from('back'))
  await until('the echo', () => a.frames.length === 1)
  c.process.stdin?.end()
  c.process.stdin?.destroy()
  await once(c.process, 'exit')
  expect(c.process.exitCode).toBe(0)
})
