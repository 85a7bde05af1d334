import { expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { Work } from './chaos/contract.ts'
import { sleep } from './chaos/stagehand.ts'
import { scene } from './folder.ts'

test('the shards of a killed process are taken over in well under a second', async () => {
  const { url, start } = scene()
  const seen = new Map<number, number>()
  const app = await connect(url)
  await app.serve(Work, { note: ({ payload }) => void (seen.has(payload.seq) || seen.set(payload.seq, performance.now())) })
  const { work } = app.clients({ work: Work })
  const times: number[] = []
  let seq = 0
  for (let round = 0; round < 8; round++) {
    const victim = await start('consumer', `victim-${round}`)
    await sleep(200)
    victim.kill()
    const killed = performance.now()
    // one to each of so many keys that every shard is asked
    const sent = Array.from({ length: 64 }, (_, n) => ({ key: `k${n}`, seq: seq++ }))
    await Promise.all(sent.map((note) => work.note(note)))
    const deadline = performance.now() + 10_000
    while (sent.some((note) => !seen.has(note.seq)) && performance.now() < deadline) await sleep(1)
    const missing = sent.filter((note) => !seen.has(note.seq))
    expect(missing, 'without effect 10 s after the kill').toEqual([])
    times.push(Math.max(...sent.map((note) => seen.get(note.seq) ?? 0)) - killed)
  }
  await app.close()
  times.sort((a, b) => a - b)
  console.log(`takeover after SIGKILL, ms: median ${times[4]?.toFixed(0)}, longest ${times.at(-1)?.toFixed(0)}`)
  expect(times.at(-1)).toBeLessThan(1000)
})
