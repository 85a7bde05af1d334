import { connect } from 'pabal'
import type { Pair } from '../pair.ts'
import { Bench } from './contract.ts'
import { order, validate, validatePlaced } from './work.ts'

const count = 100_000
const batch = 500

/** By hand: validate, encode, (a turn), decode, validate, handle; the same batches. */
async function bareOneWay(): Promise<number> {
  let handled = 0
  const receive = async (bytes: Buffer): Promise<void> => {
    validate(JSON.parse(bytes.toString('utf8')))
    handled++
  }
  const send = async (i: number): Promise<void> => {
    const value = order(i)
    validate(value)
    await receive(Buffer.from(JSON.stringify(value)))
  }
  return timed(async () => {
    for (let sent = 0; sent < count; sent += batch) await Promise.all(Array.from({ length: batch }, (_, i) => send(sent + i)))
    if (handled !== count) throw new Error('lost')
  })
}

async function bareRequest(): Promise<number> {
  const reply = async (bytes: Buffer): Promise<Buffer> => {
    const { orderId } = validate(JSON.parse(bytes.toString('utf8')))
    const answer = { orderId }
    validatePlaced(answer)
    return Buffer.from(JSON.stringify(answer))
  }
  const ask = async (i: number): Promise<void> => {
    const value = order(i)
    validate(value)
    validatePlaced(JSON.parse((await reply(Buffer.from(JSON.stringify(value)))).toString('utf8')))
  }
  return timed(async () => {
    for (let sent = 0; sent < count; sent += batch) await Promise.all(Array.from({ length: batch }, (_, i) => ask(sent + i)))
  })
}

async function pabal(role: 'one-way' | 'request'): Promise<number> {
  const app = await connect('memory:')
  let handled = 0
  let finished: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    finished = resolve
  })
  await app.serve(Bench, {
    take: () => {
      if (++handled === count) finished()
    },
    place: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
    ask: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
  })
  const { bench } = app.clients({ bench: Bench }, { within: '30s' })
  const rate = await timed(async () => {
    for (let sent = 0; sent < count; sent += batch)
      await Promise.all(
        Array.from(
          { length: batch },
          (_, i): Promise<unknown> => (role === 'one-way' ? bench.take(order(sent + i)) : bench.ask(order(sent + i))),
        ),
      )
    if (role === 'one-way') await all
  })
  await app.close()
  return rate
}

/** Kilobytes of memory, heap and buffers, for 100,000 messages of about 0.4 KB that wait for a consumer. */
async function queued(): Promise<number> {
  const app = await connect('memory:')
  const { bench } = app.clients({ bench: Bench }, { within: '30s' })
  gc()
  const before = used()
  for (let sent = 0; sent < count; sent += batch) await Promise.all(Array.from({ length: batch }, (_, i) => bench.take(order(sent + i))))
  gc()
  const kilobytes = (used() - before) / 1024
  await app.close()
  return kilobytes / 1024
}

function gc(): void {
  if (!globalThis.gc) throw new Error('run with --expose-gc')
  globalThis.gc()
}

function used(): number {
  const { heapUsed, arrayBuffers, external } = process.memoryUsage()
  return heapUsed + Math.max(arrayBuffers, external)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now()
  await work()
  return (count / (performance.now() - from)) * 1000
}

export const memoryPairs: readonly Pair[] = [
  { name: 'memory: one way', unit: 'msg/s', rounds: 5, aim: 0.6, raw: bareOneWay, pabal: () => pabal('one-way') },
  { name: 'memory: request/response', unit: 'req/s', rounds: 5, aim: 0.6, raw: bareRequest, pabal: () => pabal('request') },
  { name: 'memory: 100,000 queued messages of 0.4 KB', unit: 'MB', rounds: 1, limit: true, aim: 1, raw: async () => 120, pabal: queued },
]
