import assert from 'node:assert/strict'
import { Collector } from '../collector.ts'
import type { Definition } from '../definition.ts'
import { collectAll } from './delivery.ts'

/** Who gets a copy. */
export const groupScenarios: readonly Definition[] = [
  {
    id: 'groups-1',
    title: 'every group gets its own copy, the members of a group share one',
    proves: 'On a publish-subscribe channel each group gets everything; within a group each message goes to one member.',
    needs: ['durableGroups'],
    play: async (stage) => {
      const topic = await stage.topic()
      const groups = new Map<string, Collector>()
      for (const group of ['red', 'green', 'blue']) {
        const collector = new Collector()
        groups.set(group, collector)
        for (const [n, member] of (await stage.members(2)).entries()) {
          await stage.subscribe(member, topic, collector.receive(`${group}${n}`), { group })
        }
      }
      const batch = stage.batch(topic, 300, (n) => ({ key: `k${n % 40}` }))
      await stage.send(batch)
      for (const collector of groups.values()) {
        await collectAll(stage, collector, 300)
        collector.assertAll(batch.map((outgoing) => outgoing.message.id))
        collector.assertOnce()
      }
    },
  },
  {
    id: 'groups-2',
    title: 'members of a group share the work',
    proves: 'After a second member joined, both are given messages, without a restart of the first.',
    play: async (stage) => {
      const queue = await stage.queue()
      const collector = new Collector()
      const [first, second] = await stage.members(2)
      assert.ok(first && second)
      await stage.subscribe(first, queue, collector.receive('first'))
      await stage.send(stage.batch(queue, 50, (n) => ({ key: `k${n}` })))
      await collectAll(stage, collector, 50)
      await stage.subscribe(second, queue, collector.receive('second'))
      const sent = 50
      let rounds = 0
      while (!collector.byMember.has('second')) {
        assert.ok(rounds++ < 100, 'the member that joined second was given nothing of 5,000 messages of 50 keys')
        await stage.send(stage.batch(queue, sent, (n) => ({ key: `k${n}` })))
        await stage.pause(20)
      }
      await collectAll(stage, collector, sent * (rounds + 1))
      collector.assertOnce()
      collector.assertExclusive()
    },
  },
  {
    id: '10',
    title: 'two groups made by subscribing and closing',
    proves: 'A durable group outlives its members: each gets all that was published while nobody was there.',
    needs: ['durableGroups'],
    play: async (stage) => {
      const topic = await stage.topic()
      const member = await stage.member()
      for (const group of ['one', 'two']) {
        const early = await stage.subscribe(member, topic, new Collector().receive(group), { group })
        await early.close()
      }
      const batch = stage.batch(topic, 50)
      await stage.send(batch)
      for (const group of ['one', 'two']) {
        const collector = new Collector()
        await stage.subscribe(await stage.member(), topic, collector.receive(group), { group })
        await collectAll(stage, collector, 50)
        collector.assertAll(batch.map((outgoing) => outgoing.message.id))
        collector.assertOnce()
      }
    },
  },
  {
    id: '12',
    title: 'a new group begins with what is published after it came to be',
    proves: 'A subscriber sees nothing older than its subscription, and everything that is published once subscribe has resolved.',
    play: async (stage) => {
      const topic = await stage.topic()
      const group = stage.capabilities.durableGroups ? 'early' : undefined
      const early = new Collector()
      await stage.subscribe(stage.sender, topic, early.receive('early'), { group })
      const old = stage.batch(topic, 20)
      await stage.send(old)
      await collectAll(stage, early, 20)
      const late = new Collector()
      await stage.subscribe(await stage.member(), topic, late.receive('late'), { group: group && 'late' })
      const fresh = stage.batch(topic, 20)
      await stage.send(fresh)
      await collectAll(stage, late, 20)
      await collectAll(stage, early, 40)
      await stage.nothingMore(() => late.deliveries.length, 'of what was published before')
      late.assertAll(fresh.map((outgoing) => outgoing.message.id))
    },
  },
  {
    id: 'groups-3',
    title: 'ephemeral subscribers have copies of their own',
    proves: 'Without a group each subscriber gets everything from now on, and leaves nothing behind when it closes.',
    play: async (stage) => {
      const topic = await stage.topic()
      const collectors = [new Collector(), new Collector()]
      const subscriptions = await Promise.all(
        collectors.map(async (collector, n) => stage.subscribe(await stage.member(), topic, collector.receive(`${n}`))),
      )
      const batch = stage.batch(topic, 50)
      await stage.send(batch)
      for (const collector of collectors) {
        await collectAll(stage, collector, 50)
        collector.assertOnce()
      }
      await subscriptions[0]?.close()
      await stage.send(stage.batch(topic, 5))
      await collectAll(stage, collectors[1] as Collector, 55)
      const again = new Collector()
      await stage.subscribe(await stage.member(), topic, again.receive('again'))
      await stage.nothingMore(() => (collectors[0] as Collector).deliveries.length + again.deliveries.length, 'for a subscriber that left')
    },
  },
]
