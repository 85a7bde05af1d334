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
  for (let n = 0; n < 20; n++) {
    const batch = Array.from({ length: 5 }, (_, i) => ({ channel: queue, message: sampleMessage(`m-${n}-${i}`, 0), durable: true }))
    expect(await transport.send(batch)).toEqual(batch.map(() => 'sent'))
  }
  await transport.close()
  return faultsOf(events)
}

/** Every acknowledgement of something durable must come after a synced commit that comes after the one before. */
function faultsOf(events: readonly TraceEvent[]): readonly string[] {
  const faults: string[] = []
  let safe = false
  let acknowledged = 0
  for (const { what, synced, durable } of events) {
    if (what === 'commit' && synced) safe = true
    if (what !== 'acknowledge' || !durable) continue
    acknowledged++
    if (!safe) faults.push(`acknowledgement ${acknowledged} came before its sync`)
    safe = false
  }
  if (acknowledged < 20) faults.push(`only ${acknowledged} acknowledgements were traced`)
  return faults
}

test('what is sent is synced to disk before send resolves', async () => {
  expect(await traced(false)).toEqual([])
})

test('a store that acknowledges before the sync is caught', async () => {
  expect((await traced(true)).length).toBeGreaterThan(0)
})
