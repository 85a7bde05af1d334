import { connect } from 'pabal'
import { anew, type Open, type Pair } from '../pair.ts'
import { Bench } from './contract.ts'
import { order, validate, validatePlaced } from './work.ts'

/** Messages of a round, and of the one before the first. */
const count = 20_000
const warm = 100_000
const batch = 500
/** What waits, for the row of its size. */
const waiting = 100_000

/** All of a batch in one go. */
async function inBatches(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += batch) await Promise.all(Array.from({ length: batch }, (_, i) => act(done + i)))
}

async function timed(work: Promise<void>): Promise<number> {
  const from = performance.now()
  await work
  return (count / (performance.now() - from)) * 1000
}

/** By hand: validate, encode, (a turn), decode, validate, handle; the same batches. */
const bareOneWay: Open = async () => {
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
  const run = async (count: number): Promise<void> => {
    handled = 0
    await inBatches(count, send)
    if (handled !== count) throw new Error('lost')
  }
  await run(warm)
  return { round: () => timed(run(count)), end: async () => {} }
}

const bareRequest: Open = async () => {
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
  await inBatches(warm, ask)
  return { round: () => timed(inBatches(count, ask)), end: async () => {} }
}

const pabal =
  (role: 'one-way' | 'request'): Open =>
  async () => {
    const app = await connect('memory:')
    let left = 0
    let finished: () => void = () => {}
    await app.serve(Bench, {
      take: () => {
        if (--left === 0) finished()
      },
      place: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
      ask: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
    })
    const { bench } = app.clients({ bench: Bench }, { within: '30s' })
    const run = async (count: number): Promise<void> => {
      if (role === 'request') return inBatches(count, (i) => bench.ask(order(i)))
      left = count
      const all = new Promise<void>((resolve) => {
        finished = resolve
      })
      await inBatches(count, (i) => bench.take(order(i)))
      await all
    }
    await run(warm)
    return { round: () => timed(run(count)), end: () => app.close() }
  }

/** Megabytes of memory, heap and buffers, for messages of about 0.4 KB that wait for a consumer. */
async function queued(): Promise<number> {
  const app = await connect('memory:')
  const { bench } = app.clients({ bench: Bench }, { within: '30s' })
  gc()
  const before = used()
  await inBatches(waiting, (i) => bench.take(order(i)))
  gc()
  const bytes = used() - before
  await app.close()
  return bytes / 1024 / 1024
}

function gc(): void {
  if (!globalThis.gc) throw new Error('run with --expose-gc')
  globalThis.gc()
}

function used(): number {
  const { heapUsed, arrayBuffers, external } = process.memoryUsage()
  return heapUsed + Math.max(arrayBuffers, external)
}

export const memoryPairs: readonly Pair[] = [
  { name: 'memory: one way', unit: 'msg/s', rounds: 21, aim: 0.6, raw: bareOneWay, pabal: pabal('one-way') },
  { name: 'memory: request/response', unit: 'req/s', rounds: 21, aim: 0.6, raw: bareRequest, pabal: pabal('request') },
  { name: 'memory: 100,000 queued messages of 0.4 KB', unit: 'MB', rounds: 1, bound: 120, pabal: anew(queued) },
]
