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
  return {
    sent,
    made,
    outbound: new Outbound(
      transport as unknown as Transport,
      { maxBytes: 100, delays: false } as never,
      options.runtime ?? systemRuntime,
      'create',
    ),
  }
}

test('a channel is made once, however many send to it first; an inbox never is', async () => {
  const { outbound, made, sent } = out({ provision: () => new Promise((resolve) => setTimeout(resolve, 5)) })
  await Promise.all([outbound.send(channel, outgoing('a')), outbound.send(channel, outgoing('b')), outbound.provision([channel])])
  await outbound.send(channel, outgoing('c'))
  const inbox: Channel = { address: 'inbox.x', kind: 'inbox' }
  await outbound.send(inbox, outgoing('d', inbox))
  expect(made).toEqual([['kitchen']])
  expect(sent).toEqual(['a', 'b', 'c', 'd'])
})

test('a channel that could not be made is tried again', async () => {
  let fails = 1
  const { outbound, made } = out({ provision: async () => (fails-- > 0 ? Promise.reject(new Error('away')) : undefined) })
  await expect(outbound.send(channel, outgoing('a'))).rejects.toThrow('away')
  expect(await outbound.send(channel, outgoing('b'))).toBe('sent')
  expect(made.length).toBe(2)
})

test('the order of send holds per channel, also behind one whose schema is slow; other channels go on', async () => {
  const { outbound, sent } = out()
  const other: Channel = { address: 'courier', kind: 'point-to-point' }
  await outbound.provision([channel, other])
  const slow = new Promise<Outgoing>((resolve) => setTimeout(() => resolve(outgoing('slow')), 10))
  await Promise.all([
    outbound.send(channel, slow),
    outbound.send(channel, outgoing('after')),
    outbound.send(other, outgoing('other', other)),
  ])
  await outbound.send(channel, outgoing('last'))
  expect(sent).toEqual(['other', 'slow', 'after', 'last'])
})

test('one whose schema refuses does not hold up those behind it', async () => {
  const { outbound, sent } = out()
  const refused = outbound.send(channel, Promise.reject(new Error('invalid')))
  const after = outbound.send(channel, outgoing('after'))
  await expect(refused).rejects.toThrow('invalid')
  expect(await after).toBe('sent')
  expect(sent).toEqual(['after'])
})

test('a transport that throws is SEND_FAILED with the id; its own coded errors stay', async () => {
  const cause = new Error('cable')
  const { outbound } = out({ answer: () => Promise.reject(cause) })
  expect(await outbound.send(channel, outgoing('a'))).toMatchObject({ code: 'SEND_FAILED', id: 'a', cause, retryable: true })
})

test('what is under way is bounded; flushed waits for it', async () => {
  let open: (result: SendResult) => void = () => {}
  const gate = new Promise<SendResult>((resolve) => {
    open = resolve
  })
  const { outbound } = out({ answer: () => gate })
  await outbound.provision([channel])
  const all = Array.from({ length: 100_001 }, (_, n) => outbound.send(channel, outgoing(String(n))))
  let flushed = false
  const idle = outbound.flushed().then(() => (flushed = true))
  expect(await all.pop()).toMatchObject({ code: 'OVERLOADED', id: '100000' })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(flushed).toBe(false)
  open('sent')
  await idle
  expect(await all[0]).toBe('sent')
  expect(await outbound.send(channel, outgoing('again'))).toBe('sent')
})

test('fault points lie before and after what the transport sees', async () => {
  const trail: string[] = []
  const runtime: Runtime = { ...systemRuntime, point: (name) => void trail.push(name) as undefined }
  const { outbound } = out({
    runtime,
    answer: () => {
      trail.push('transport')
      return 'sent'
    },
  })
  await outbound.send(channel, outgoing('a'))
  expect(trail).toEqual(['send.before', 'transport', 'send.after'])
})

test('what cannot travel is refused before anything is written', () => {
  const { outbound } = out()
  const large = { ...outgoing('a'), message: { ...outgoing('a').message, body: new Uint8Array(101) } }
  expect(() => outbound.check(large)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }))
  expect(() => outbound.check({ ...outgoing('a'), notBefore: 5 })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
})
