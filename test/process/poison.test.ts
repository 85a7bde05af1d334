import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { Work } from './chaos/contract.ts'
import { readLedger } from './chaos/ledger.ts'
import { sleep } from './chaos/stagehand.ts'
import { scene } from './folder.ts'

test('a message that kills its process each time ends in the dead letters while its neighbours are handled', async () => {
  const { folder, url, start } = scene()
  const app = await connect(url)
  const { work } = app.clients({ work: Work })
  for (let seq = 0; seq < 40; seq++) await work.note({ key: `k${seq % 8}`, seq }, { id: randomUUID() })
  const depth = async (address: string) => {
    const row = (await app.channels()).find(({ channel }) => channel.address === address)
    // what was lost with a process may wait among the parked ones
    return (row?.waiting ?? 0) + (row?.parked ?? 0)
  }
  let deaths = 0
  for (let life = 0; life < 8 && (await depth('work.dead')) === 0; life++) {
    const consumer = await start('consumer', `consumer-${life}`, { poison: 'k3 19', maxLosses: 3 })
    while (!consumer.over && (await depth('work.dead')) === 0) await sleep(20)
    if (consumer.over) deaths++
    else {
      while ((await depth('work')) > 0) await sleep(20)
      await consumer.stop()
    }
  }
  expect(deaths).toBe(3)
  const done = new Set(readLedger(join(folder, 'work.effects')).map(([, seq]) => Number(seq)))
  expect([...Array(40).keys()].filter((seq) => !done.has(seq))).toEqual([19])
  await app.close()
})
