import { sampleMessage } from '../../../src/testing/samples.ts'
import { sqlite } from '../../../src/transport/sqlite/index.ts'

/** Handles one message, closes in the middle of everything, and has nothing else that keeps it running. */
const queue = { address: 'queue', kind: 'point-to-point' } as const
const transport = sqlite({ file: process.argv[2] as string })
await transport.open(() => {})
const came = Promise.withResolvers<void>()
await transport.subscribe(queue, { durable: true, maxMessages: 10, maxBytes: 1e6 }, async () => {
  came.resolve()
  return { emit: [] }
})
await transport.send([{ channel: queue, message: sampleMessage('a', 0), durable: true }])
await came.promise
await transport.close()
console.log('closed')
