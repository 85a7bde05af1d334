import assert from 'node:assert/strict'
import { isPabalError } from '../../errors.ts'
import { Collector, done, Held } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { assertSame } from '../samples.ts'
import { collectAll } from './delivery.ts'

/** Every size, and every bound. */
export const limitScenarios: readonly Definition[] = [
  {
    id: '15',
    title: 'empty, tiny, binary and large bodies; unicode and many headers',
    proves: 'Bodies and headers travel to the byte, in their order and case; what is too large is refused before anything is written.',
    play: async (stage) => {
      const queue = await stage.queue()
      const large = Math.min(1024 * 1024, stage.capabilities.maxBytes - 64 * 1024)
      const everyByte = Uint8Array.from({ length: 256 }, (_, n) => n)
      const headers: Record<string, string> = { 'B-second': 'x', 'A-first': 'y', 'MiXed-Case': 'z', unicode: '파발 😀 é\u00a0', empty: '' }
      for (let n = 0; n < 100; n++) headers[`many-${100 - n}`] = `${n}`.repeat(20)
      const batch = [
        stage.outgoing(queue, { body: '' }),
        stage.outgoing(queue, { body: 'x' }),
        stage.outgoing(queue, { body: everyByte, fields: { contentType: 'application/octet-stream' } }),
        stage.outgoing(queue, { body: new Uint8Array(large).fill(0xa5) }),
        stage.outgoing(queue, { body: '파발 😀 ￿', headers }),
        stage.outgoing(queue, { key: '키 😀', fields: { correlationId: 'ü', extensions: { traceparent: '00-ab', note: 'ß' } } }),
      ]
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a'))
      await stage.send(batch)
      await collectAll(stage, collector, batch.length)
      for (const { message } of batch) assertSame(collector.of(message.id)[0]?.message ?? assert.fail(`${message.id} is missing`), message)
    },
  },
  {
    id: '15b',
    title: 'a message over the limit is refused, its neighbours are sent',
    proves: 'Partial failure of a batch is visible: one result a message, MESSAGE_TOO_LARGE for what does not fit.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      await stage.subscribe(stage.sender, queue, collector.receive('a'))
      const [before, tooLarge, after] = [
        stage.outgoing(queue),
        stage.outgoing(queue, { body: new Uint8Array(stage.capabilities.maxBytes + 1) }),
        stage.outgoing(queue),
      ] as const
      const results = await stage.sender.send([before, tooLarge, after])
      assert.deepEqual([results[0], results[2], results.length], ['sent', 'sent', 3])
      assert.ok(isPabalError(results[1], 'MESSAGE_TOO_LARGE'), `a body over the limit gave ${String(results[1])}`)
      await collectAll(stage, collector, 2)
      await stage.nothingMore(() => collector.deliveries.length, 'of what was refused')
      collector.assertAll([before.message.id, after.message.id])
    },
  },
  {
    id: 'limits-1',
    title: 'the bound on messages holds',
    proves: 'No more than maxMessages are handed out and not settled; when one is settled the next comes.',
    play: async (stage) => {
      const queue = await stage.queue()
      const held = new Held()
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a', held.decide), { maxMessages: 10 })
      await stage.send(stage.batch(queue, 50, (n) => ({ key: n % 2 === 0 ? `k${n}` : undefined })))
      while (collector.handled.length < 50) {
        const due = Math.min(10, 50 - collector.handled.length)
        await stage.until(
          () => held.count === due,
          () => `${held.count} of ${due} handed out`,
        )
        await stage.pause(10)
        held.settle()
        await stage.pause(1)
      }
      assert.ok(collector.highest <= 10, `${collector.highest} were out at once, at most 10 were allowed`)
    },
  },
  {
    id: 'limits-2',
    title: 'the bound on bytes holds, and one message is always allowed',
    proves: 'What is out never takes more than maxBytes unless it is alone.',
    play: async (stage) => {
      const queue = await stage.queue()
      const held = new Held()
      const collector = new Collector()
      await stage.subscribe(await stage.member(), queue, collector.receive('a', held.decide), { maxBytes: 40_000 })
      const sizes = [10_000, 10_000, 10_000, 10_000, 100_000, 10_000, 10_000]
      await stage.send(sizes.map((size) => stage.outgoing(queue, { key: 'one', body: new Uint8Array(size) })))
      let settled = 0
      while (settled < sizes.length) {
        await stage.until(
          () => held.count > 0,
          () => `${settled} of ${sizes.length} handed out`,
        )
        await stage.pause(20)
        const out = collector.deliveries.slice(settled).map((delivery) => delivery.message.body.byteLength)
        const bytes = out.reduce((sum, size) => sum + size, 0)
        assert.ok(bytes <= 40_000 || out.length === 1, `${bytes} bytes in ${out.length} messages were out, at most 40,000 were allowed`)
        settled += out.length
        held.settle(done())
        await stage.pause(1)
      }
    },
  },
]
