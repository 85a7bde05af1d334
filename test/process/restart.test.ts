import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { judge, outstanding } from './chaos/judge.ts'
import { readLedger } from './chaos/ledger.ts'
import { sleep, until } from './chaos/stagehand.ts'
import { checkStore } from './chaos/store.ts'
import { scene } from './folder.ts'

test('a rolling restart of five nodes under load: nothing lost, nothing doubled, nothing dead-lettered', async () => {
  const { folder, url, start } = scene()
  const nodes = await Promise.all([0, 1, 2, 3, 4].map((n) => start('consumer', `node-${n}`)))
  const producers = await Promise.all([0, 1].map((n) => start('producer', `producer-${n}`)))
  const fresh = []
  for (const [n, node] of nodes.entries()) {
    fresh.push(start('consumer', `fresh-${n}`))
    await node.stop()
    expect(await node.ended).toBe('exit 0')
    await sleep(100)
  }
  const running = await Promise.all(fresh)
  await Promise.all(producers.map((producer) => producer.stop()))
  await until(
    () => outstanding(folder) === 0,
    () => `${outstanding(folder)} without effect`,
    () => outstanding(folder),
  )
  await sleep(200)
  await Promise.all(running.map((node) => node.stop()))
  const verdict = judge(folder)
  expect(verdict.faults).toEqual([])
  expect(verdict.duplicates, 'duplicate effects').toBe(0)
  expect(verdict.acknowledged).toBe(verdict.intents)
  expect(await checkStore(url)).toEqual([])
})

test('the requester is killed between request and reply: each reply reaches its next life, with its context', async () => {
  const { folder, start } = scene()
  await start('oven', 'oven')
  const first = await start('asker', 'first', { ask: 20 })
  first.kill()
  await first.ended
  writeFileSync(join(folder, 'open'), '')
  await sleep(200)
  await start('asker', 'second')
  const replies = () => readLedger(join(folder, 'replies'))
  await until(
    () => new Set(replies().map(([seq]) => seq)).size === 20,
    () => `${replies().length} of 20 replies`,
    () => replies().length,
  )
  for (const [seq, guest, , life] of replies()) expect([guest, life]).toEqual([`guest-${seq}`, 'second'])
})
