import assert from 'node:assert/strict'
import type { Channel } from '../../../channel/channel.ts'
import { deadLetterChannel, invalidMessageChannel, serviceChannel } from '../../../channel/names.ts'
import { Collector } from '../../collector.ts'
import type { Definition } from '../../definition.ts'
import type { Stage } from '../../stage.ts'
import { collectAll } from '../delivery.ts'
import { AppStage } from './app-stage.ts'

/** What becomes of messages that cannot be handled. */
export const failingScenarios: readonly Definition[] = [
  {
    id: '16',
    title: 'a handler that fails after sending emits nothing; what it isolated goes out',
    proves: 'Sends of a handler leave with its success only, unless they are immediate; each retry sends the same ids.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const published = new Collector()
      const topic = { address: apps.names.dish, kind: 'publish-subscribe' } as const
      await stage.sender.provision([topic], 'create')
      await stage.subscribe(stage.sender, topic, published.receive('watcher'))
      let attempts = 0
      await apps.kitchen(
        {
          ring: async ({ payload, publish }) => {
            attempts++
            await publish[apps.names.dish].Served('x', payload)
            await publish[apps.names.dish].Burnt('x', payload, { immediate: true })
            if (attempts < 3) throw new Error('after sending')
          },
        },
        { retry: { delay: 20 } },
      )
      const { kitchen } = await apps.client()
      await kitchen.ring({ table: 'a', n: 1 })
      const ids = (event: string) =>
        published.deliveries.filter(({ message }) => message.type.endsWith(event)).map(({ message }) => message.id)
      await stage.until(
        () => ids('Served').length > 0 && ids('Burnt').length >= 3,
        () => `${ids('Served').length} Served, ${ids('Burnt').length} Burnt`,
      )
      await stage.nothingMore(() => published.deliveries.length, 'after the success')
      assert.equal(ids('Served').length, 1, 'what failed attempts sent must not leave')
      assert.equal(new Set(ids('Burnt')).size, 1, 'isolated sends of three attempts have three ids')
    },
  },
  {
    id: '17',
    title: 'a retry policy for each class of error',
    proves:
      'Errors are retried at once, with backoff, or not at all, as the policy says; attempts are counted once a delivery, for all instances together.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const at = new Map<string, number[]>()
      const handlers = {
        loose: ({ payload }: { payload: { table: string } }) => {
          const times = at.get(payload.table) ?? []
          at.set(payload.table, [...times, stage.runtime.monotonic()])
          throw new Error(payload.table)
        },
      }
      const retryFor = (error: unknown) => {
        const text = String((error as Error).message)
        if (text.includes('immediate')) return { attempts: 4, delay: 0 }
        return text.includes('fatal') ? ('dead-letter' as const) : undefined
      }
      const policy = { retry: { attempts: 3, delay: 200, jitter: 0 }, retryFor }
      for (let n = 0; n < 2; n++) await apps.kitchen(handlers, policy)
      const dead = await watch(stage, deadLetterChannel(serviceChannel(apps.names.kitchen.name)))
      const { kitchen } = await apps.client()
      for (const table of ['immediate', 'backoff', 'fatal']) await kitchen.loose({ table, n: 1 })
      await collectAll(stage, dead, 3)
      const of = (table: string) => at.get(table) ?? []
      assert.deepEqual([of('immediate').length, of('backoff').length, of('fatal').length], [4, 3, 1])
      const gaps = of('backoff').map((time, index) => time - (of('backoff')[index - 1] ?? time))
      assert.ok((gaps[1] ?? 0) >= 195 && (gaps[2] ?? 0) >= 390, `200 and 400 ms of backoff were ${gaps.slice(1).map(Math.round)}`)
      const attempts = dead.deliveries.map(({ message }) => `${message.extensions.deadattempts} ${message.extensions.deadcode}`).sort()
      assert.equal(attempts.map((text) => text.slice(0, 1)).join(), '1,3,4')
    },
  },
  {
    id: '18',
    title: 'dead letters keep everything and say why',
    proves:
      'A dead letter has the body and headers to the byte, the reason, attempts, first and last failure and the channel that it came from.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const handlers = {
        loose: () => {
          throw new Error('the oven is cold')
        },
      }
      await apps.kitchen(handlers, { retry: { attempts: 2, delay: 20 } })
      const channel = serviceChannel(apps.names.kitchen.name)
      const dead = await watch(stage, deadLetterChannel(channel))
      const body = new TextEncoder().encode('{ "n" : 7,\n "table":"파발" }')
      const sent = stage.outgoing(channel, {
        body,
        headers: { 'X-One': '1', two: 'ü' },
        fields: { type: 'loose', kind: 'notification', correlationId: 'c' },
      })
      const before = stage.runtime.now()
      await stage.send([sent])
      await collectAll(stage, dead, 1)
      const message = dead.deliveries[0]?.message ?? assert.fail()
      assert.equal(Buffer.compare(message.body, body), 0, 'the body')
      assert.deepEqual(Object.entries(message.headers), Object.entries(sent.message.headers))
      assert.deepEqual([message.id, message.type, message.correlationId, message.time], [sent.message.id, 'loose', 'c', sent.message.time])
      const { deadreason = '', deadcode, deadattempts, deadchannel, deadfirst = '', deadlast = '' } = message.extensions
      assert.match(deadreason, /the oven is cold/)
      assert.deepEqual([deadcode, deadattempts, deadchannel], ['ATTEMPTS_SPENT', '2', channel.address])
      const [first, last] = [Date.parse(deadfirst), Date.parse(deadlast)]
      assert.ok(before - 1 <= first && first < last && last <= stage.runtime.now() + 1, `first ${deadfirst}, last ${deadlast}`)
      assert.doesNotMatch(deadreason, /at .*:\d+/, 'no stack travels')
    },
  },
  {
    id: '19',
    title: 'what cannot be decoded or does not fit goes aside at once',
    proves:
      'An undecodable body and an invalid payload go to the invalid-message channel with their reason, without retries; what follows is handled.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      let handled = 0
      await apps.kitchen({ ring: () => void handled++ })
      const channel = serviceChannel(apps.names.kitchen.name)
      const invalid = await watch(stage, invalidMessageChannel(channel))
      const fields = { type: 'ring', kind: 'notification' } as const
      const garbage = stage.outgoing(channel, { key: 'a', body: Uint8Array.from([0xff, 0x7b]), fields })
      const unfit = stage.outgoing(channel, { key: 'a', body: '{"table":"a","n":"seven"}', headers: { kept: 'yes' }, fields })
      const fit = stage.outgoing(channel, { key: 'a', body: '{"table":"a","n":7}', fields })
      await stage.send([garbage, unfit, fit])
      await collectAll(stage, invalid, 2)
      await stage.until(() => handled === 1, 'the message behind them is handled')
      for (const { message } of invalid.deliveries) {
        const original = message.id === garbage.message.id ? garbage.message : unfit.message
        assert.equal(Buffer.compare(message.body, original.body), 0)
        assert.equal(message.extensions.deadcode, 'INVALID_MESSAGE')
        assert.ok((message.extensions.deadreason ?? '').length > 5)
      }
      const reason = invalid.of(unfit.message.id)[0]?.message.extensions.deadreason ?? ''
      assert.match(reason, /\bn\b/, `the reason names the field: ${reason}`)
      await stage.nothingMore(() => invalid.deliveries.length + handled, 'again')
    },
  },
]

/** Reads a channel of dead letters from now on, as its only consumer. */
export async function watch(stage: Stage, channel: Channel): Promise<Collector> {
  await stage.sender.provision([channel], 'create')
  const collector = new Collector()
  await stage.subscribe(stage.sender, channel, collector.receive('watcher'))
  return collector
}
