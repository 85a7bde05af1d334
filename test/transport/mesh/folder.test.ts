import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { child, freshFolder, member, until } from './members.ts'

test('the folder is made for its owner alone, and removed by the last member', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(readdirSync(folder)).toHaveLength(2)
  await a.mesh.close()
  expect(readdirSync(folder)).toEqual([b.mesh.address])
  await b.mesh.close()
  expect(existsSync(folder)).toBe(false)
})

test('members open and close at the same moments without losing the folder', async () => {
  const folder = freshFolder()
  for (let round = 0; round < 10; round++) {
    const some = await Promise.all(['a', 'b', 'c'].map((self) => member(folder, self)))
    await Promise.all([...some.map(({ mesh }) => mesh.close()), member(folder, 'd').then(({ mesh }) => mesh.close())])
  }
  expect(existsSync(folder)).toBe(false)
})

const unusable = (reason: RegExp) => expect.objectContaining({ code: 'STORE_UNUSABLE', message: expect.stringMatching(reason) })

test('a folder that others can write to is refused', async () => {
  const folder = freshFolder()
  mkdirSync(folder)
  chmodSync(folder, 0o770)
  await expect(member(folder, 'a')).rejects.toEqual(unusable(/others than its owner can write.*770/))
})

test.runIf(process.getuid?.() === 0)('a folder of somebody else is refused', async () => {
  const folder = freshFolder()
  mkdirSync(folder, { mode: 0o700 })
  chownSync(folder, 12345, 12345)
  await expect(member(folder, 'a')).rejects.toEqual(unusable(/belongs to user 12345/))
})

test('a file, a link and a missing parent are refused with the reason', async () => {
  const folder = freshFolder()
  writeFileSync(folder, '')
  await expect(member(folder, 'a')).rejects.toEqual(unusable(/not a folder/))
  symlinkSync('/tmp', `${folder}2`)
  await expect(member(`${folder}2`, 'a')).rejects.toEqual(unusable(/not a folder/))
  await expect(member(join(folder, '..', 'missing', 'm'), 'a')).rejects.toEqual(unusable(/ENOENT/))
})

test('a path too long for a socket moves to the temporary folder, the same for every member', async () => {
  const folder = join(freshFolder(), '..', 'x'.repeat(100))
  const a = await member(folder, 'a')
  expect(a.mesh.address).toMatch(/\/pabal-\w+-[0-9a-f]{16}\/[0-9a-f]{16}\.sock$/)
  expect(statSync(dirname(a.mesh.address)).mode & 0o777).toBe(0o700)
  const c = await child(folder, 'c')
  expect(dirname(c.address)).toBe(dirname(a.mesh.address))
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  a.mesh.send('c', c.address, Buffer.from('echo'))
  await until('the echo', () => a.frames.length === 1)
  c.process.stdin?.write('close\n')
  await once(c.process, 'exit')
  await a.mesh.close()
  expect(existsSync(dirname(a.mesh.address))).toBe(false)
})

test("a dead member's socket file is removed by whoever dials it", async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const c = await child(folder, 'c')
  c.process.kill('SIGKILL')
  await once(c.process, 'exit')
  expect(existsSync(join(folder, c.address))).toBe(true)
  expect(await a.mesh.send('c', c.address, Buffer.from('?'))).toBe('no-receiver')
  expect(a.gone).toMatchObject([{ member: 'c', how: 'dead' }])
  await until('the removal', () => !existsSync(join(folder, c.address)))
  a.mesh.connect('c', c.address)
  await until('the second report', () => a.gone.length === 2)
})

test('old socket files that nobody dials are swept on opening, living ones stay', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  const c = await child(folder, 'c')
  c.process.kill('SIGKILL')
  await once(c.process, 'exit')
  for (const address of [a.mesh.address, c.address]) utimesSync(join(folder, address), 0, 0)
  const b = await member(folder, 'b')
  expect(readdirSync(folder).sort()).toEqual([a.mesh.address, b.mesh.address].sort())
})

test('an address that is none, or a file that is no socket, is a dead member and is not removed', async () => {
  const folder = freshFolder()
  const a = await member(folder, 'a')
  expect(await a.mesh.send('x', '../../etc/passwd', Buffer.from('?'))).toBe('no-receiver')
  const file = '0123456789abcdef.sock'
  writeFileSync(join(folder, file), 'keep')
  expect(await a.mesh.send('y', file, Buffer.from('?'))).toBe('no-receiver')
  await new Promise((next) => setTimeout(next, 50))
  expect(existsSync(join(folder, file))).toBe(true)
})
