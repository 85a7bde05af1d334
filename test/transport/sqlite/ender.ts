import { DatabaseSync } from 'node:sqlite'
import { sampleMessage } from '../../../src/testing/samples.ts'
import { sqlite } from '../../../src/transport/sqlite/index.ts'

/** Handles one message, closes, and has nothing else that keeps it running. `held`: while the store takes nothing. */
const [file, held] = process.argv.slice(2) as [string, string | undefined]
const queue = { address: 'queue', kind: 'point-to-point' } as const
const transport = sqlite({ file, busyAfter: 100 })
await transport.open(() => {})
const came = Promise.withResolvers<void>()
await transport.subscribe(queue, { durable: true, maxMessages: 10, maxBytes: 1e6 }, async () => {
  came.resolve()
  return { emit: [] }
})
await transport.send([{ channel: queue, message: sampleMessage('a', 0), durable: true }])
await came.promise
const other = new DatabaseSync(file)
other.exec('PRAGMA busy_timeout = 5000')
if (held) other.exec('BEGIN IMMEDIATE')
await transport.close()
other.close()
console.log('closed')
