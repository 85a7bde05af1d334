import { DatabaseSync } from 'node:sqlite'
import { connect } from '../../../src/index.ts'

/** What is wrong with a store that nobody uses any more: its file, and what is left in it. */
export async function checkStore(url: string): Promise<readonly string[]> {
  const faults: string[] = []
  const app = await connect(url)
  for (const { channel, waiting, parked } of await app.channels()) {
    if (waiting > 0) faults.push(`${waiting} messages are left on ${channel.address}`)
    if (parked > 0) faults.push(`${parked} messages are left parked on ${channel.address}`)
  }
  await app.close()
  if (url.startsWith('sqlite:')) {
    const file = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true })
    const result = file.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
    for (const row of result) if (row.integrity_check !== 'ok') faults.push(`integrity_check: ${row.integrity_check}`)
    file.close()
  }
  return faults
}
