import assert from 'node:assert/strict'
import type { Delivery } from '../../../transport/seam.ts'
import { Collector, done } from '../../collector.ts'
import type { Definition } from '../../definition.ts'
import type { Stage } from '../../stage.ts'
import { AppStage } from './app-stage.ts'

/** Publish/asynchronous responses. */
export const gatherScenarios: readonly Definition[] = [
  {
    id: '30',
    title: 'answers of many, completed by count, quorum, predicate and deadline',
    proves: 'Gathering ends as it was told, with whoever answered until then; the slow and the failing do not hold it up.',
    play: async (stage) => {
      const apps = await kitchens(stage)
      const { kitchen } = await apps.client()
      const order = { table: 'a', n: 5 }
      const names = (replies: readonly { from: string }[]) => replies.map((reply) => reply.from.slice(stage.prefix.length + 1)).sort()
      const all = await kitchen.quote.gather(order, { within: '500ms' }).result()
      assert.deepEqual(names(all.replies), ['fast', 'quick'], 'within 500 ms the slow one does not answer')
      assert.deepEqual(
        all.failed.map((failed) => failed.from.slice(stage.prefix.length + 1)),
        ['failing'],
      )
      const one = await kitchen.quote.gather(order, { within: '20s', until: { count: 1 } }).result()
      assert.deepEqual([one.replies.length, one.ended], [1, 'count'])
      const when = (replies: readonly { from: string }[]) => names(replies).includes('quick')
      const until = await kitchen.quote.gather(order, { within: '20s', until: { when } }).result()
      assert.equal(until.ended, 'predicate')
      assert.ok(names(until.replies).includes('quick'))
      const seen: string[] = []
      for await (const reply of kitchen.quote.gather(order, { within: '20s' })) {
        seen.push(reply.from)
        assert.equal(reply.payload.n, 5)
        if (seen.length === 2) break
      }
      assert.equal(seen.length, 2, 'iteration yields answers as they come, and can be left')
    },
  },
  {
    id: '30b',
    title: 'who is missing is named where it is known who was expected',
    proves:
      'With expected responders given, those that did not answer are named, and all of them together end it; a quorum counts only them.',
    play: async (stage) => {
      const apps = await kitchens(stage)
      const { kitchen } = await apps.client()
      const order = { table: 'a', n: 1 }
      const name = (short: string) => `${stage.prefix}-${short}`
      const expected = ['fast', 'quick', 'nobody'].map(name)
      const partial = await kitchen.quote.gather(order, { within: '400ms', expected }).result()
      assert.deepEqual([partial.ended, partial.missing], ['deadline', [name('nobody')]])
      const whole = await kitchen.quote.gather(order, { within: '20s', expected: expected.slice(0, 2) }).result()
      assert.deepEqual([whole.ended, whole.missing], ['all', []])
      const quorum = await kitchen.quote.gather(order, { within: '20s', expected, until: { quorum: 2 } }).result()
      assert.equal(quorum.ended, 'quorum')
      const open = await kitchen.quote.gather(order, { within: '400ms' }).result()
      if (stage.capabilities.knowsReceivers) assert.deepEqual(open.missing, [name('slow')], 'the transport knows who was there')
      else assert.equal(open.missing, undefined, 'nobody said whom to expect')
    },
  },
  {
    id: '30e',
    title: 'a responder that answers twice counts once',
    proves: 'A duplicate answer, from one instance or from two of the same participant, is dropped: counts and quorums count participants.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const topic = { address: `${apps.names.kitchen.name}.quote`, kind: 'publish-subscribe' } as const
      await stage.sender.provision([topic], 'create')
      // a responder that knows only the wire, and answers each question three times
      for (const name of ['stutterer', 'other']) {
        const answer = ({ message }: Delivery) => {
          const to = { address: message.replyTo ?? '', kind: 'inbox' } as const
          const fields = { type: 'Quote', kind: 'reply', source: name, correlationId: message.correlationId } as const
          return done(...stage.batch(to, name === 'other' ? 1 : 3, () => ({ durable: false, ttl: 5000, body: '{"n":1}', fields })))
        }
        const group = `${stage.prefix}-${name}`
        await stage.subscribe(await stage.member(), topic, new Collector().receive(name, answer), { durable: false, group })
      }
      const { kitchen } = await apps.client()
      for (let round = 0; round < 10; round++) {
        const gathered = await kitchen.quote.gather({ table: 'a', n: 1 }, { within: '20s', until: { count: 2 } }).result()
        assert.deepEqual(gathered.replies.map((reply) => reply.from).sort(), ['other', 'stutterer'])
      }
    },
  },
  {
    id: '30c',
    title: 'a question to nobody ends at once where that can be known',
    proves: 'With no responder the gathering is empty and says so; where it cannot be known, at the deadline.',
    play: async (stage) => {
      const apps = new AppStage(stage)
      const { kitchen } = await apps.client()
      const nobody = await kitchen.quote.gather({ table: 'a', n: 1 }, { within: '300ms' }).result()
      assert.deepEqual([nobody.replies.length, nobody.failed.length], [0, 0])
      assert.equal(nobody.ended, stage.capabilities.detectsNoReceiver ? 'nobody' : 'deadline')
    },
  },
]

/** Four responders: two that answer, one far too late, one that fails. */
async function kitchens(stage: Stage): Promise<AppStage> {
  const apps = new AppStage(stage)
  const delays = { fast: 0, quick: 20, slow: 1500, failing: -1 }
  for (const [name, ms] of Object.entries(delays)) {
    const app = await apps.app()
    await app.serve(
      apps.names.kitchen,
      {
        cook: ({ reply }) => reply.Cooked({ n: 0 }),
        ring: () => {},
        loose: () => {},
        menu: ({ reply }) => reply.Menu({ n: 0 }),
        quote: async ({ payload, reply }) => {
          if (ms < 0) throw new Error('no quote today')
          await stage.pause(ms)
          return reply.Quote({ n: payload.n })
        },
      },
      { as: `${stage.prefix}-${name}` },
    )
  }
  return apps
}
