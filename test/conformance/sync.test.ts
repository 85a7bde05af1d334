import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sampleMessage } from '../../src/testing/samples.ts'
import { sqlite, type TraceEvent } from '../../src/transport/sqlite/index.ts'

const queue = { address: 'queue', kind: 'point-to-point' } as const

/** Sends for a while, and looks at what the store did between being asked and saying that it is safe. */
async function traced(acknowledgeFirst: boolean): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-sync-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const events: TraceEvent[] = []
  const transport = sqlite({ file: join(folder, 'store.db'), faults: { trace: (event) => void events.push(event), acknowledgeFirst } })
  await transport.open(() => {})
  await transport.provision([queue], 'create')
  const faults: string[] = []
  for (let n = 0; n < 20; n++) {
    const batch = Array.from({ length: 5 }, (_, i) => ({ channel: queue, message: sampleMessage(`m-${n}-${i}`, 0), durable: true }))
    const from = events.length
    expect(await transport.send(batch)).toEqual(batch.map(() => 'sent'))
    // one send at a time: what was traced since is about this one
    const since = events.slice(from)
    const acknowledged = since.findIndex(({ what, durable }) => what === 'acknowledge' && durable)
    const synced = since.findIndex(({ what, synced }) => what === 'commit' && synced)
    if (acknowledged < 0) faults.push(`send ${n} resolved and no acknowledgement was traced`)
    else if (synced < 0 || synced > acknowledged) faults.push(`send ${n} was acknowledged before its sync`)
  }
  await transport.close()
  return faults
}

test('what is sent is synced to disk before send resolves', async () => {
  expect(await traced(false)).toEqual([])
})

test('a store that acknowledges before the sync is caught', async () => {
  expect((await traced(true)).length).toBeGreaterThan(0)
})
