import { join } from 'node:path'
import { type Pair, percentile } from '../pair.ts'
import { Child, withFolder } from './children.ts'

const raw = new URL('./raw-sqlite.ts', import.meta.url)
const rawQuery = new URL('./raw-query.ts', import.meta.url)
const ours = new URL('./pabal-sqlite.ts', import.meta.url)
const count = Number(process.env.BENCH_COUNT ?? 150_000)
/** Where five processes share the processors it takes longer until each has run its code often enough to be fast. */
const longer = 3 * count
const batch = 500

/** Starts all, says `go` once all are ready, waits for all; messages a second, and what each told. */
async function race(children: readonly Child[]): Promise<{ rate: number; told: number[] }> {
  for (const child of children) await child.told('ready')
  const from = performance.now()
  for (const child of children) child.tell('go')
  const told: number[] = []
  for (const child of children) told.push(await child.told('done'))
  const rate = (count / (performance.now() - from)) * 1000
  for (const child of children) await child.end()
  return { rate, told }
}

async function rawRace(consumers: number, copies: boolean): Promise<number> {
  return withFolder(async (folder) => {
    const tables = Array.from({ length: consumers }, (_, i) => `t${i}`)
    const shared = { file: join(folder, 'raw.db'), batch }
    const share = (i: number): number =>
      copies ? count : Array.from({ length: count }, (_, n) => (n % 997) % consumers).filter((n) => n === i).length
    const consume = tables.map((table, i) => new Child(raw, { ...shared, role: 'consume', tables: [table], count: share(i) }))
    return (await race([...consume, new Child(raw, { ...shared, role: 'produce', tables, count, copies })])).rate
  })
}

/** Consumers that compete tell what they got since they last told; it is done when the sum is complete. */
async function shareOut(consume: readonly Child[], produce: Child, count: number): Promise<number> {
  for (const child of [...consume, produce]) await child.told('ready')
  await new Promise((resolve) => setTimeout(resolve, 500)) // the shards are spread
  const from = performance.now()
  let seen = 0
  const all = new Promise<void>((resolve) => {
    for (const child of consume)
      child.on('count', (n) => {
        seen += n as number
        if (seen >= count) resolve()
      })
  })
  produce.tell('go')
  await all
  const rate = (count / (performance.now() - from)) * 1000
  for (const child of [...consume, produce]) await child.end()
  return rate
}

async function competing(consumers: number, count: number): Promise<number> {
  return withFolder((folder) => {
    const shared = { url: `sqlite:${join(folder, 'pabal.db')}`, batch, count }
    const consume = Array.from({ length: consumers }, () => new Child(ours, { ...shared, role: 'compete' }))
    return shareOut(consume, new Child(ours, { ...shared, role: 'produce' }), count)
  })
}

/** `batch`: how many sends the producer makes in one go, which is one turn of its event loop. */
async function oursRace(consumers: number, size = batch): Promise<{ rate: number; told: number[] }> {
  return withFolder(async (folder) => {
    const shared = { url: `sqlite:${join(folder, 'pabal.db')}`, batch: size, count }
    const groups = consumers > 1
    const consume = Array.from(
      { length: consumers },
      (_, i) => new Child(ours, groups ? { ...shared, role: 'hear', as: `hearer-${i}` } : { ...shared, role: 'consume' }),
    )
    return race([...consume, new Child(ours, { ...shared, role: groups ? 'publish' : 'produce' })])
  })
}

/** A table for all; each consumer claims a batch at a time, and what a dead one had claimed is free again after a while. */
async function rawClaim(consumers: number, count: number): Promise<number> {
  return withFolder((folder) => {
    const shared = { file: join(folder, 'raw.db'), batch, count, tables: ['t0'] }
    const consume = Array.from({ length: consumers }, () => new Child(raw, { ...shared, role: 'claim' }))
    return shareOut(consume, new Child(raw, { ...shared, role: 'produce' }), count)
  })
}

async function lone(role: 'raw' | 'pabal'): Promise<number> {
  return withFolder(async (folder) => {
    const n = 200
    const task = {
      file: join(folder, 'raw.db'),
      url: `sqlite:${join(folder, 'pabal.db')}`,
      tables: ['t'],
      batch,
      count: n,
      socket: join(folder, 's'),
    }
    const consumer = new Child(role === 'raw' ? raw : ours, { ...task, role: role === 'raw' ? 'lone-consume' : 'serve' })
    await consumer.told('ready')
    const producer = new Child(role === 'raw' ? raw : ours, { ...task, role: role === 'raw' ? 'lone-produce' : 'lone' })
    await producer.told('ready')
    producer.tell('go')
    const sent = await producer.told<bigint[]>('done')
    if (role === 'pabal') consumer.tell('report')
    const handled = await consumer.told<bigint[]>('done')
    await producer.end()
    await consumer.end()
    if (handled.length !== n) throw new Error(`${handled.length} of ${n} lone messages arrived`)
    return percentile(
      handled.map((t, i) => Number(t - (sent[i] as bigint)) / 1e6),
      0.5,
    )
  })
}

async function ask(side: 'raw' | 'pabal'): Promise<number> {
  return withFolder(async (folder) => {
    const file = side === 'raw' ? rawQuery : ours
    const task = { url: `sqlite:${join(folder, 'pabal.db')}`, socket: join(folder, 's'), batch, count: 200 }
    const server = new Child(file, { ...task, role: 'serve' })
    await server.told('ready')
    const client = new Child(file, { ...task, role: 'ask' })
    await client.told('ready')
    client.tell('go')
    const times = await client.told<number[]>('done')
    await client.end()
    server.tell('report')
    await server.end()
    return percentile(times, 0.5)
  })
}

async function idle(): Promise<number> {
  return withFolder(async (folder) => {
    const task = { url: `sqlite:${join(folder, 'pabal.db')}`, batch, count: 0 }
    const server = new Child(ours, { ...task, role: 'serve' })
    await server.told('ready')
    const child = new Child(ours, { ...task, role: 'idle' })
    await child.told('ready')
    await new Promise((resolve) => setTimeout(resolve, 3000)) // what starting up leaves to be done is done
    child.tell('go')
    const share = await child.told<number>('done')
    await child.end()
    server.tell('report')
    await server.end()
    return share
  })
}

const limit = (name: string, unit: string, bound: number, rounds: number, pabal: () => Promise<number>): Pair => ({
  name,
  unit,
  rounds,
  limit: true,
  aim: 1,
  raw: async () => bound,
  pabal,
})

export const sqlitePairs: readonly Pair[] = [
  {
    name: 'sqlite: durable end to end, 1 group',
    unit: 'msg/s',
    rounds: 5,
    aim: 1,
    raw: () => rawRace(1, false),
    pabal: async () => (await oursRace(1)).rate,
  },
  {
    name: 'sqlite: durable end to end, 3 groups',
    unit: 'msg/s',
    rounds: 3,
    aim: 1,
    raw: () => rawRace(3, true),
    pabal: async () => (await oursRace(3)).rate,
  },
  {
    name: 'sqlite: durable end to end, 4 competing processes',
    unit: 'msg/s',
    rounds: 3,
    aim: 1,
    raw: () => rawClaim(4, longer),
    pabal: () => competing(4, longer),
  },
  {
    name: 'sqlite: the same, against four fixed tables without takeover',
    unit: 'msg/s',
    rounds: 3,
    aim: 0.5,
    raw: () => rawRace(4, false),
    pabal: () => competing(4, count),
  },
  { name: 'sqlite: a lone message, p50', unit: 'ms', rounds: 3, aim: 0.4, raw: () => lone('raw'), pabal: () => lone('pabal') },
  limit('sqlite: a lone message, p50 (bound)', 'ms', 2, 3, () => lone('pabal')),
  { name: 'sqlite: a query, p50', unit: 'ms', rounds: 3, aim: 0.4, raw: () => ask('raw'), pabal: () => ask('pabal') },
  limit('sqlite: a query, p50 (bound)', 'ms', 0.6, 3, () => ask('pabal')),
  limit('sqlite: idle CPU', '%', 0.5, 1, idle),
  limit('sqlite: event-loop delay under full load, p99', 'ms', 10, 3, async () => Math.max(...(await oursRace(1, 200)).told)),
]
