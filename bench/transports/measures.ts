import { anew, lasting, medianDelay, type Open } from '../pair.ts'
import { Stage } from './stage.ts'

/** How one side is measured. `share` shortens it for sides that are much slower. */
export type Measure = (url: string, side: string, share: number) => Open

const messages = Number(process.env.BENCH_COUNT ?? 20_000)
/** What is stored is handled fastest: 40,000 messages would be over before the code of either side is compiled. */
const stored = Number(process.env.BENCH_COUNT ?? 120_000)
/** Before the first round: code that is run for the first time is slow. */
const warm = 20_000
const rate = (count: number, ms: number): number => (count / ms) * 1000

const staged = (url: string, side: string, setUp: (stage: Stage) => Promise<() => Promise<number>>): Open =>
  lasting(() => Stage.open(url, side), setUp)

/** Messages a second that are stored; nobody reads them. */
export const produce: Measure = (url, side, share) =>
  staged(url, side, async (stage) => {
    const count = messages * share
    const producer = stage.start('produce', { count, warm: warm * share })
    await stage.told(producer, 'ready')
    return async () => rate(count, await stage.round<number>(producer))
  })

/** Messages a second that are handled and acknowledged, all stored before, by a process that is begun for it. */
export const consume: Measure = (url, side, share) =>
  anew(async () => {
    const stage = await Stage.open(url, side)
    try {
      const task = { count: stored * share, warm: warm * share }
      await stage.here((own) => own.produce(0, task.warm + task.count))
      return rate(task.count, await stage.told<number>(stage.start('drain', task), 'done'))
    } finally {
      await stage.end()
    }
  })

/** Messages a second from one process to another. */
export const endToEnd: Measure = (url, side, share) =>
  staged(url, side, async (stage) => {
    const count = messages * share
    const task = { count, warm: warm * share }
    const consumer = stage.start('consume', task)
    await stage.told(consumer, 'ready')
    const producer = stage.start('produce', task)
    await Promise.all([stage.told(consumer, 'warm'), stage.told(producer, 'ready')])
    return async () => {
      const from = performance.now()
      await Promise.all([stage.round(consumer), stage.round(producer)])
      return rate(count, performance.now() - from)
    }
  })

const asking =
  (inFlight: number, count: number): Measure =>
  (url, side, share) =>
    staged(url, side, async (stage) => {
      await stage.told(stage.start('answer'), 'ready')
      const client = stage.start('ask', { count: count * share, warm: warm * share, inFlight })
      await stage.told(client, 'ready')
      return async () => {
        const figure = await stage.round<number>(client)
        return inFlight === 1 ? figure : rate(count * share, figure)
      }
    })

/** The median time of a question and its answer in milliseconds, one at a time. */
export const askOne = asking(1, 300)
/** Answers a second with 200 questions under way. */
export const askMany = asking(200, 8000)

/** The median time from sending to handling in milliseconds, one durable message at a time, 10 ms and more apart. */
export const lone: Measure = (url, side, share) =>
  staged(url, side, async (stage) => {
    const task = { count: 40 * share, warm: 1000 }
    const consumer = stage.start('lone-consume', task)
    await stage.told(consumer, 'ready')
    const producer = stage.start('lone-produce', task)
    await stage.told(producer, 'ready')
    return async () => {
      const [handled, sent] = await Promise.all([stage.round<bigint[]>(consumer), stage.round<bigint[]>(producer)])
      return medianDelay(sent, handled)
    }
  })

/** Megabytes by which a consumer grows whose handlers never end, with `waiting` messages behind them. */
export const stalled =
  (waiting: number): Measure =>
  (url, side, share) =>
    anew(async () => {
      const stage = await Stage.open(url, side, 5)
      try {
        await stage.here((own) => own.produce(0, waiting * share))
        return await stage.told<number>(stage.start('stall'), 'done')
      } finally {
        await stage.end()
      }
    })
