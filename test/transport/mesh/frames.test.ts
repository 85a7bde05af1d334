import { connect, Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { FrameReader } from '../../../src/transport/sqlite/mesh/reader.ts'
import { helloFrame, type } from '../../../src/transport/sqlite/mesh/wire.ts'
import { child, freshFolder, member, until } from './members.ts'

test('two members exchange frames in order, both dialling at the same moment', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  a.mesh.connect('b', b.mesh.address)
  b.mesh.connect('a', a.mesh.address)
  for (let i = 0; i < 1000; i++) {
    void a.mesh.send('b', b.mesh.address, Buffer.from(`a${i}`))
    void b.mesh.send('a', a.mesh.address, Buffer.from(`b${i}`))
    if (i % 100 === 0) await new Promise((next) => setImmediate(next))
  }
  await until('all frames', () => a.frames.length >= 1000 && b.frames.length >= 1000)
  expect(b.frames.map(({ from, frame }) => from + frame)).toEqual(Array.from({ length: 1000 }, (_, i) => `aa${i}`))
  expect(a.frames.map(({ from, frame }) => from + frame)).toEqual(Array.from({ length: 1000 }, (_, i) => `bb${i}`))
})

test('the first send resolves when the link stands, later ones are sent at once', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  const first = a.mesh.send('b', b.mesh.address, Buffer.from('1'))
  expect(first).toBeInstanceOf(Promise)
  expect(await first).toBe('sent')
  expect(a.mesh.send('b', b.mesh.address, Buffer.from('2'))).toBe('sent')
  await until('both', () => b.frames.length === 2)
})

test('while each tick has one frame it is written at once; frames of one tick leave together; all in order', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  await a.mesh.send('b', b.mesh.address, Buffer.from('0'))
  const write = vi.spyOn(Socket.prototype, 'write')
  onTestFinished(() => write.mockRestore())
  const writes = (): number => write.mock.calls.filter(([bytes]) => (bytes as Uint8Array)[4] === type.data).length
  let sent = 1
  /** How many writes a tick with so many frames made by its end, and after it. */
  const tick = async (frames: number): Promise<[number, number]> => {
    write.mockClear()
    for (let i = 0; i < frames; i++) void a.mesh.send('b', b.mesh.address, Buffer.from(String(sent++)))
    const atOnce = writes()
    await new Promise((next) => setImmediate(next))
    return [atOnce, writes()]
  }
  expect(await tick(3), 'the greeting was followed by one').toEqual([1, 2])
  expect(await tick(3), 'the tick before had several').toEqual([0, 1])
  expect(await tick(1)).toEqual([0, 1])
  expect(await tick(1), 'the tick before had one').toEqual([1, 1])
  await until('all frames', () => b.frames.length === sent)
  expect(b.frames.map(({ frame }) => Number(frame))).toEqual(Array.from({ length: sent }, (_, i) => i))
})

test('100,000 frames from another process arrive in order', async () => {
  const folder = freshFolder()
  let next = 0
  let wrong = 0
  const a = await member(folder, 'a', { onFrame: (_from, frame) => void (frame.readUInt32LE(0) === next ? next++ : wrong++) })
  const c = await child(folder, 'c', 'burst')
  await a.mesh.send('c', c.address, Buffer.from(a.mesh.address))
  await a.mesh.send('c', c.address, Buffer.from('100000,300'))
  await until('100,000 frames', () => next + wrong === 100_000, 20_000)
  expect({ next, wrong }).toEqual({ next: 100_000, wrong: 0 })
})

test('big, small and empty frames travel together unharmed', async () => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a', { maxQueue: 128 * 1024 * 1024 }), member(folder, 'b')])
  const big = Buffer.alloc(40 * 1024 * 1024, 'pabal')
  const frames = [Buffer.from('x'), big, Buffer.alloc(0), Buffer.alloc(40_000, 1), Buffer.alloc(40_000, 2), Buffer.from('y')]
  for (const frame of frames) void a.mesh.send('b', b.mesh.address, frame)
  await until('all', () => b.frames.length === frames.length, 15_000)
  expect(frames.map((frame, i) => b.frames[i]?.frame.equals(frame))).toEqual(frames.map(() => true))
  expect(() => a.mesh.send('b', b.mesh.address, Buffer.alloc(40 * 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
  )
})

test('the reader gives the same frames however the stream is cut', () => {
  const stream = Buffer.concat(
    [2, 0, 700, 1, 5].map((size, i) => {
      const frame = Buffer.alloc(5 + size, i)
      frame.writeUInt32LE(1 + size, 0)
      frame[4] = 0
      return frame
    }),
  )
  const cut = (size: number): string[] => {
    const seen: string[] = []
    const reader = new FrameReader((type, content) => seen.push(`${type}:${content.toString('hex')}`) > 0)
    for (let at = 0; at < stream.length; at += size) expect(reader.read(stream.subarray(at, at + size))).toBe(true)
    return seen
  }
  const whole = cut(stream.length)
  expect(whole).toHaveLength(5)
  for (let size = 1; size < stream.length; size++) expect(cut(size)).toEqual(whole)
})

const greeting = helloFrame({ mesh: 1, from: 'x', to: 'a' })
const junk: Record<string, Buffer> = {
  'bytes that are no protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'a length beyond the limit': Buffer.concat([greeting, Buffer.from([0xff, 0xff, 0xff, 0xff, 0])]),
  'a length of nothing': Buffer.concat([greeting, Buffer.alloc(5)]),
  'an unknown type': Buffer.concat([greeting, Buffer.from([1, 0, 0, 0, 9])]),
  'data without a greeting': Buffer.from([2, 0, 0, 0, 0, 65]),
  'a greeting to somebody else': helloFrame({ mesh: 1, from: 'x', to: 'z' }),
  'a greeting that is not JSON': Buffer.from([3, 0, 0, 0, 1, 0x7b, 0x7b]),
}

test.each(Object.entries(junk))('junk closes its link and harms nobody: %s', async (_what, bytes) => {
  const folder = freshFolder()
  const [a, b] = await Promise.all([member(folder, 'a'), member(folder, 'b')])
  const socket = connect(join(folder, a.mesh.address))
  const closed = new Promise((settle) => socket.once('close', settle))
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(bytes)
  await closed
  expect(a.frames).toEqual([])
  expect(await b.mesh.send('a', a.mesh.address, Buffer.from('still here'))).toBe('sent')
  await until('the frame', () => a.frames.length === 1)
})

test('a PabalError from onFrame closes the link that brought the frame', async () => {
  const { PabalError } = await import('../../../src/errors.ts')
  const folder = freshFolder()
  const a = await member(folder, 'a', {
    onFrame: () => {
      throw new PabalError('INVALID_MESSAGE', 'not for me')
    },
  })
  const b = await member(folder, 'b')
  await b.mesh.send('a', a.mesh.address, Buffer.from('odd'))
  await until('the end of the link', () => b.gone.length === 1)
  expect(b.gone[0]).toMatchObject({ member: 'a', how: 'dead' })
})
