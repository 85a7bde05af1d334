import { expect, onTestFinished, test } from 'vitest'
import { Store } from '../../../src/transport/sqlite/db/store.ts'
import { place, queue, refused } from './stores.ts'

function store(): Store {
  const made = new Store({ file: place(), maxSize: 2 ** 30, shards: 4, busyAfter: 1000, point: () => {} })
  onTestFinished(() => made.db.close())
  return made
}

test('a member that leaves without having freed its shards is buried: nothing of it is left, and others can claim', async () => {
  const made = store()
  made.perform('register', { member: 'a', address: 'x', pid: 1 })
  const { group } = made.perform('join', { unit: 'a/0', channel: queue, group: '', durable: true, ephemeral: false })
  expect(made.perform('claim', { group, unit: 'a/0', shards: [0, 1, 2, 3] })).toHaveLength(4)
  made.perform('unregister', { member: 'a' })
  expect(made.perform('members', {})).toEqual({ members: [], subscribers: [] })
  expect(made.perform('leases', { group }).map(({ owner }) => owner)).toEqual([null, null, null, null])
  // whoever is not registered takes part in nothing
  await refused('FENCED', () => made.perform('claim', { group, unit: 'a/0', shards: [0] }))
  made.perform('register', { member: 'b', address: 'y', pid: 2 })
  made.perform('join', { unit: 'b/0', channel: queue, group: '', durable: true, ephemeral: false })
  expect(made.perform('claim', { group, unit: 'b/0', shards: [0, 1, 2, 3] }).map(({ epoch }) => epoch)).toEqual([3, 3, 3, 3])
})
