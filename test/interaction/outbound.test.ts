import { expect, test } from 'vitest'
import type { Channel } from '../../src/channel/channel.ts'
import { Outbound } from '../../src/interaction/outbound.ts'
import { none } from '../../src/message/message.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import type { Outgoing, SendResult, Transport } from '../../src/transport/seam.ts'

const channel: Channel = { address: 'kitchen', kind: 'point-to-point' }
const outgoing = (id: string, to: Channel = channel): Outgoing => ({
  channel: to,
  durable: true,
  message: {
    id,
    source: 's',
    type: 't',
    kind: 'notification',
    version: 1,
    time: 0,
    contentType: 'text/plain',
    extensions: none,
    headers: none,
    body: new Uint8Array(1),
  },
})

/** Notes what it is given; `answer` decides the result, `provision` how long a channel takes. */
function out(
  options: { answer?: (id: string) => SendResult | Promise<SendResult>; provision?: () => Promise<void>; runtime?: Runtime } = {},
) {
  const sent: string[] = []
  const made: string[][] = []
  const transport = {
    name: 'fake',
    provision: async (channels: readonly Channel[]) => {
      made.push(channels.map((each) => each.address))
      await options.provision?.()
    },
    send: async (batch: readonly Outgoing[]) => {
      sent.push(...batch.map(({ message }) => message.id))
      return await Promise.all(batch.map(({ message }) => options.answer?.(message.id) ?? 'sent'))
    },
  }
  const declared = { maxBytes: 100, delays: false } as never
  const outbound = new Outbound(transport as unknown as Transport, declared, options.runtime ?? systemRuntime, 'create')
  const send = (to: Channel, what: Outgoing | Promise<Outgoing>) => outbound.send(to, what, { sent: (result) => result })
  return { sent, made, outbound, send }
}

test('a channel is made once, however many send to it first; an inbox never is', async () => {
  const { outbound, made, sent, send } = out({ provision: () => new Promise((resolve) => setTimeout(resolve, 5)) })
  await Promise.all([send(channel, outgoing('a')), send(channel, outgoing('b')), outbound.provision([channel])])
  await send(channel, outgoing('c'))
  const inbox: Channel = { address: 'inbox.x', kind: 'inbox' }
  await send(inbox, outgoing('d', inbox))
  expect(made).toEqual([['kitchen']])
  expect(sent).toEqual(['a', 'b', 'c', 'd'])
})

test('a channel that could not be made is tried again', async () => {
  let fails = 1
  const { made, send } = out({ provision: async () => (fails-- > 0 ? Promise.reject(new Error('away')) : undefined) })
  await expect(send(channel, outgoing('a'))).rejects.toThrow('away')
  expect(await send(channel, outgoing('b'))).toBe('sent')
  expect(made.length).toBe(2)
})

test('the order of send holds per channel, also behind one whose schema is slow; other channels go on', async () => {
  const { outbound, sent, send } = out()
  const other: Channel = { address: 'courier', kind: 'point-to-point' }
  await outbound.provision([channel, other])
  const slow = new Promise<Outgoing>((resolve) => setTimeout(() => resolve(outgoing('slow')), 10))
  await Promise.all([send(channel, slow), send(channel, outgoing('after')), send(other, outgoing('other', other))])
  await send(channel, outgoing('last'))
  expect(sent).toEqual(['other', 'slow', 'after', 'last'])
})

test('one whose schema refuses does not hold up those behind it', async () => {
  const { sent, send } = out()
  const refused = send(channel, Promise.reject(new Error('invalid')))
  const after = send(channel, outgoing('after'))
  await expect(refused).rejects.toThrow('invalid')
  expect(await after).toBe('sent')
  expect(sent).toEqual(['after'])
})

test('a transport that throws is SEND_FAILED with the id; its own coded errors stay', async () => {
  const cause = new Error('cable')
  const { send } = out({ answer: () => Promise.reject(cause) })
  expect(await send(channel, outgoing('a'))).toMatchObject({ code: 'SEND_FAILED', id: 'a', cause, retryable: true })
})

test('what is under way is bounded; flushed waits for it', async () => {
  let open: (result: SendResult) => void = () => {}
  const gate = new Promise<SendResult>((resolve) => {
    open = resolve
  })
  const { outbound, send } = out({ answer: () => gate })
  await outbound.provision([channel])
  const all = Array.from({ length: 100_001 }, (_, n) => send(channel, outgoing(String(n))))
  let flushed = false
  const idle = outbound.flushed().then(() => (flushed = true))
  expect(await all.pop()).toMatchObject({ code: 'OVERLOADED', id: '100000' })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(flushed).toBe(false)
  open('sent')
  await idle
  expect(await all[0]).toBe('sent')
  expect(await send(channel, outgoing('again'))).toBe('sent')
})

test('and in bytes: 256 MiB', async () => {
  let open: (result: SendResult) => void = () => {}
  const gate = new Promise<SendResult>((resolve) => {
    open = resolve
  })
  const { outbound, send } = out({ answer: () => gate })
  await outbound.provision([channel])
  const body = new Uint8Array(64 * 1024 * 1024)
  const heavy = (id: string): Outgoing => ({ ...outgoing(id), message: { ...outgoing(id).message, body } })
  const taken = ['a', 'b', 'c', 'd'].map((id) => send(channel, heavy(id)))
  expect(await send(channel, outgoing('light'))).toMatchObject({ code: 'OVERLOADED', id: 'light' })
  open('sent')
  expect(await Promise.all(taken)).toEqual(['sent', 'sent', 'sent', 'sent'])
  expect(await send(channel, heavy('again'))).toBe('sent')
})

test('fault points lie before and after what the transport sees', async () => {
  const trail: string[] = []
  const runtime: Runtime = { ...systemRuntime, point: (name) => void trail.push(name) as undefined }
  const { send } = out({
    runtime,
    answer: () => {
      trail.push('transport')
      return 'sent'
    },
  })
  await send(channel, outgoing('a'))
  expect(trail).toEqual(['send.before', 'transport', 'send.after'])
})

test('what cannot travel is refused before anything is written', () => {
  const { outbound } = out()
  const large = { ...outgoing('a'), message: { ...outgoing('a').message, body: new Uint8Array(101) } }
  expect(() => outbound.check(large)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
  expect(() => outbound.check({ ...outgoing('a'), notBefore: 5 })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})
