import assert from 'node:assert/strict'
import { isPabalError } from '../errors.ts'
import { Collector, park } from './collector.ts'
import type { Stage } from './stage.ts'
import type { Need } from './world.ts'

/**
 * What a transport does when it is asked for a capability that it does not declare: it refuses, with a code, and never
 * does something else in silence. Where nothing can be asked for, it must at least not behave as if it had declared it.
 */
export const refusals: Readonly<Partial<Record<Need, (stage: Stage) => Promise<string>>>> = {
  delays: async (stage) => {
    const queue = await stage.queue()
    const [result] = await stage.sender.send([stage.outgoing(queue, { notBefore: stage.runtime.now() + 1000 })])
    assert.ok(isPabalError(result, 'UNSUPPORTED'), `a delayed message gave ${String(result)}, not UNSUPPORTED`)
    return 'a delayed message is refused with UNSUPPORTED'
  },
  durableGroups: async (stage) => {
    const topic = await stage.topic()
    const subscribing = stage.subscribe(stage.sender, topic, new Collector().receive('a'), { group: 'g' })
    await assert.rejects(subscribing, (error) => isPabalError(error, 'UNSUPPORTED'))
    return 'a durable group is refused with UNSUPPORTED'
  },
  detectsNoReceiver: async (stage) => {
    const queue = await stage.queue()
    const [result] = await stage.sender.send([stage.outgoing(queue, { durable: false, ttl: 1000 })])
    assert.equal(result, 'sent', 'a transport that cannot know says "sent"')
    return 'it does not say that nobody is there'
  },
  knowsReceivers: async (stage) => {
    assert.equal(stage.sender.receivers, undefined, 'receivers() is there although knowsReceivers is not declared')
    return 'receivers() is not there'
  },
  admin: async (stage) => {
    assert.equal(stage.sender.admin, undefined)
    return 'admin is not there'
  },
  parks: async (stage) => {
    const queue = await stage.queue()
    const collector = new Collector()
    let asked = 0
    await stage.subscribe(
      stage.sender,
      queue,
      collector.receive('a', () => (asked++ === 0 ? park({ due: 0 }) : { emit: [] })),
    )
    await stage.send([stage.outgoing(queue)])
    await stage.until(() => collector.handled.length > 0, 'the message whose parking was refused is given back')
    assert.equal(collector.deliveries.at(-1)?.parked, undefined, 'it parked although it does not declare it')
    return 'what cannot be parked is given back'
  },
}
