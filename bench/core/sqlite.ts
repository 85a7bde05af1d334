import { join } from 'node:path'
import { lasting, median, medianDelay, type Open, type Pair } from '../pair.ts'
import { Cast, type Child } from './children.ts'

const raw = new URL('./raw-sqlite.ts', import.meta.url)
const rawQuery = new URL('./raw-query.ts', import.meta.url)
const ours = new URL('./pabal-sqlite.ts', import.meta.url)
const batch = 500

/** Messages of a round, and of the one before the first, in which each process runs its code often enough to be fast. */
interface Size {
  readonly count: number
  readonly warm: number
}
/** `BENCH_WARM=0` shows what it is like while all code is run for the first time. */
const size = (count: number, warm: number): Size => ({ count, warm: Number(process.env.BENCH_WARM ?? warm) })
const oneGroup = size(30_000, 90_000)
const threeGroups = size(15_000, 45_000)
const fourProcesses = size(40_000, 200_000)
const fixedTables = size(30_000, 120_000)

const cast = (setUp: (cast: Cast) => Promise<() => Promise<number>>): Open => lasting(() => new Cast(), setUp)
const rate = (count: number, from: number): number => (count / (performance.now() - from)) * 1000

/** Each consumer has its share to handle; messages a second until all have, and what each child told. */
async function race(
  consumers: readonly Child[],
  producer: Child,
  count: number,
  share: (i: number) => number,
): Promise<{ rate: number; told: number[] }> {
  const from = performance.now()
  const told = await Promise.all([...consumers.map((child, i) => child.round<number>(share(i))), producer.round<number>(count)])
  return { rate: rate(count, from), told }
}

/** By hand: a table a consumer. `copies`: each message is in all of them; otherwise the tables are shards of the keys. */
const rawRace = (consumers: number, copies: boolean, { count, warm }: Size): Open =>
  cast(async (cast) => {
    const tables = Array.from({ length: consumers }, (_, i) => `t${i}`)
    const shared = { file: join(cast.folder, 'raw.db'), batch }
    const children: Child[] = []
    for (const table of tables) children.push(await cast.start(raw, { ...shared, role: 'consume', tables: [table] }))
    const producer = await cast.start(raw, { ...shared, role: 'produce', tables, copies })
    let sent = 0
    const round = async (count: number): Promise<number> => {
      const ends = sent + count
      const share = (i: number): number => {
        if (copies) return count
        let mine = 0
        for (let n = sent; n < ends; n++) if ((n % 997) % consumers === i) mine++
        return mine
      }
      const found = await race(children, producer, count, share)
      sent = ends
      return found.rate
    }
    if (warm > 0) await round(warm)
    return () => round(count)
  })

/** One consumer, or a subscribing service each. `size`: how many sends the producer makes in one turn of its event loop. */
async function oursRace(cast: Cast, consumers: number, { count, warm }: Size, size = batch) {
  const shared = { url: `sqlite:${join(cast.folder, 'pabal.db')}`, batch: size }
  const groups = consumers > 1
  const children: Child[] = []
  for (let i = 0; i < consumers; i++)
    children.push(await cast.start(ours, groups ? { ...shared, role: 'hear', as: `hearer-${i}` } : { ...shared, role: 'consume' }))
  const producer = await cast.start(ours, { ...shared, role: groups ? 'publish' : 'produce' })
  const round = (count: number): Promise<{ rate: number; told: number[] }> => race(children, producer, count, () => count)
  if (warm > 0) await round(warm)
  return () => round(count)
}

const throughput = (consumers: number, size: Size): Open =>
  cast(async (cast) => {
    const round = await oursRace(cast, consumers, size)
    return async () => (await round()).rate
  })

/** The longest that 99 of 100 turns of an event loop are late, in milliseconds: the worst of producer and consumer. */
const loopDelay = cast(async (cast) => {
  const round = await oursRace(cast, 1, oneGroup, 200)
  return async () => Math.max(...(await round()).told)
})

/** Consumers that compete tell how many they handled; it is over when the sum is complete. They are told to rest until the next. */
async function shareOut(consumers: readonly Child[], producer: Child, { count, warm }: Size) {
  let seen = 0
  let wanted = 0
  let reached: () => void = () => {}
  for (const child of consumers)
    child.on('count', (n) => {
      seen += n as number
      if (seen >= wanted) reached()
    })
  const round = async (count: number): Promise<number> => {
    wanted += count
    const all = new Promise<void>((resolve) => {
      reached = resolve
    })
    const from = performance.now()
    for (const child of consumers) child.tell('go')
    await Promise.all([producer.round(count), all])
    const found = rate(count, from)
    for (const child of consumers) child.tell('rest')
    return found
  }
  await new Promise((resolve) => setTimeout(resolve, 500)) // the shards are spread
  if (warm > 0) await round(warm)
  return () => round(count)
}

const compete = (size: Size): Open =>
  cast(async (cast) => {
    const shared = { url: `sqlite:${join(cast.folder, 'pabal.db')}`, batch }
    const children: Child[] = []
    for (let i = 0; i < 4; i++) children.push(await cast.start(ours, { ...shared, role: 'compete' }))
    return shareOut(children, await cast.start(ours, { ...shared, role: 'produce' }), size)
  })

/** A table for all; each consumer claims a batch at a time, and what a dead one had claimed is free again after a while. */
const rawClaim = (size: Size): Open =>
  cast(async (cast) => {
    const shared = { file: join(cast.folder, 'raw.db'), batch, tables: ['t0'] }
    const children: Child[] = []
    for (let i = 0; i < 4; i++) children.push(await cast.start(raw, { ...shared, role: 'claim' }))
    return shareOut(children, await cast.start(raw, { ...shared, role: 'produce' }), size)
  })

const loneRound = 30

/** From sending to handling, one message at a time, 10 ms apart. */
const lone = (side: 'raw' | 'pabal'): Open =>
  cast(async (cast) => {
    const { folder } = cast
    const task = {
      file: join(folder, 'raw.db'),
      url: `sqlite:${join(folder, 'pabal.db')}`,
      tables: ['t'],
      batch,
      socket: join(folder, 's'),
    }
    const file = side === 'raw' ? raw : ours
    const consumer = await cast.start(file, { ...task, role: 'lone-consume' })
    const producer = await cast.start(file, { ...task, role: 'lone-produce' })
    return async () => {
      const [handled, sent] = await Promise.all([consumer.round<bigint[]>(loneRound), producer.round<bigint[]>(loneRound)])
      return medianDelay(sent, handled)
    }
  })

/** A question and its answer, one at a time, 10 ms apart. */
const ask = (side: 'raw' | 'pabal'): Open =>
  cast(async (cast) => {
    const file = side === 'raw' ? rawQuery : ours
    const task = { url: `sqlite:${join(cast.folder, 'pabal.db')}`, socket: join(cast.folder, 's'), batch }
    await cast.start(file, { ...task, role: 'answer' })
    const client = await cast.start(file, { ...task, role: 'ask' })
    return async () => median(await client.round<number[]>(loneRound))
  })

const idle = cast(async (cast) => {
  const task = { url: `sqlite:${join(cast.folder, 'pabal.db')}`, batch }
  await cast.start(ours, { ...task, role: 'answer' })
  const child = await cast.start(ours, { ...task, role: 'idle' })
  await new Promise((resolve) => setTimeout(resolve, 3000)) // what starting up leaves to be done is done
  return () => child.round<number>()
})

export const sqlitePairs: readonly Pair[] = [
  {
    name: 'sqlite: durable end to end, 1 group',
    unit: 'msg/s',
    rounds: 9,
    raw: rawRace(1, false, oneGroup),
    pabal: throughput(1, oneGroup),
  },
  {
    name: 'sqlite: durable end to end, 3 groups',
    unit: 'msg/s',
    rounds: 9,
    raw: rawRace(3, true, threeGroups),
    pabal: throughput(3, threeGroups),
  },
  {
    name: 'sqlite: durable end to end, 4 competing processes',
    unit: 'msg/s',
    rounds: 9,
    raw: rawClaim(fourProcesses),
    pabal: compete(fourProcesses),
  },
  {
    name: 'sqlite: the same, against four fixed tables without takeover',
    unit: 'msg/s',
    rounds: 7,
    aim: 0.5,
    raw: rawRace(4, false, fixedTables),
    pabal: compete(fixedTables),
  },
  { name: 'sqlite: a lone message, p50', unit: 'ms', rounds: 9, aim: 0.4, bound: 2, raw: lone('raw'), pabal: lone('pabal') },
  { name: 'sqlite: a query, p50', unit: 'ms', rounds: 9, aim: 0.4, bound: 0.6, raw: ask('raw'), pabal: ask('pabal') },
  { name: 'sqlite: idle CPU', unit: '%', rounds: 3, bound: 0.5, pabal: idle },
  { name: 'sqlite: event-loop delay under full load, p99', unit: 'ms', rounds: 5, bound: 10, pabal: loopDelay },
]
