import { percentile } from '../pair.ts'
import { Stage } from './stage.ts'

/** How one side is measured; each resolves to the row's figure. `share` shortens it for sides that are much slower. */
export type Measure = (url: string, side: string, share: number) => Promise<number>

const messages = Number(process.env.BENCH_COUNT ?? 40_000)
/** What is stored is handled fastest: 40,000 messages would be over before the code of either side is compiled. */
const stored = Number(process.env.BENCH_COUNT ?? 120_000)
const rate = (count: number, ms: number): number => (count / ms) * 1000

/** Messages a second that are stored; nobody reads them. */
export const produce: Measure = (url, side, share) =>
  Stage.run(url, side, async (stage) => {
    const count = messages * share
    const producer = stage.start('produce', { count, warm: 5000 * share })
    await stage.told(producer, 'warm')
    producer.tell('go')
    return rate(count, await stage.told<number>(producer, 'done'))
  })

/** Messages a second that are handled and acknowledged, all stored before. */
export const consume: Measure = (url, side, share) =>
  Stage.run(url, side, async (stage) => {
    const count = stored * share
    const warm = 5000 * share
    await stage.here((own) => own.produce(0, warm + count))
    return rate(count, await stage.told<number>(stage.start('consume', { count, warm }), 'done'))
  })

/** Messages a second from one process to another. */
export const endToEnd: Measure = (url, side, share) =>
  Stage.run(url, side, async (stage) => {
    const count = messages * share
    const task = { count, warm: 5000 * share }
    const consumer = stage.start('consume', task)
    await stage.told(consumer, 'ready')
    const producer = stage.start('produce', task)
    await Promise.all([stage.told(consumer, 'warm'), stage.told(producer, 'warm')])
    const from = performance.now()
    producer.tell('go')
    await stage.told(consumer, 'done')
    return rate(count, performance.now() - from)
  })

const asking =
  (inFlight: number, count: number): Measure =>
  (url, side, share) =>
    Stage.run(url, side, async (stage) => {
      await stage.told(stage.start('answer'), 'ready')
      const client = stage.start('ask', { count: count * share, warm: Math.min(count, 3000) * share, inFlight })
      await stage.told(client, 'warm')
      client.tell('go')
      const figure = await stage.told<number>(client, 'done')
      return inFlight === 1 ? figure : rate(count * share, figure)
    })

/** The median time of a question and its answer in milliseconds, one at a time. */
export const askOne = asking(1, 1000)
/** Answers a second with 200 questions under way. */
export const askMany = asking(200, 20_000)

/** The median time from sending to handling in milliseconds, one durable message at a time, 10 ms and more apart. */
export const lone: Measure = (url, side, share) =>
  Stage.run(url, side, async (stage) => {
    const task = { count: 200 * share, warm: 1000 }
    const consumer = stage.start('lone-consume', task)
    await stage.told(consumer, 'ready')
    const producer = stage.start('lone-produce', task)
    await stage.told(producer, 'warm')
    producer.tell('go')
    const [sent, handled] = await Promise.all([stage.told<bigint[]>(producer, 'done'), stage.told<bigint[]>(consumer, 'done')])
    return percentile(
      handled.map((time, i) => Number(time - (sent[i] as bigint)) / 1e6),
      0.5,
    )
  })

/** Megabytes by which a consumer grows whose handlers never end, with `waiting` messages behind them. */
export const stalled =
  (waiting: number): Measure =>
  (url, side, share) =>
    Stage.run(
      url,
      side,
      async (stage) => {
        await stage.here((own) => own.produce(0, waiting * share))
        return stage.told<number>(stage.start('stall'), 'done')
      },
      5,
    )
