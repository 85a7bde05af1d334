/** A process of the transports suite: one side in one role. It says `ready`, works a round at each `go`, and says `done` with a figure. */
import { atGo, tell, told } from '../core/children.ts'
import { percentile } from '../pair.ts'
import { OwnCost } from './own-cost.ts'
import { type Run, type Side, windowed } from './side.ts'

export interface Task extends Run {
  /** A file of sides/. */
  readonly side: string
  readonly role: 'produce' | 'consume' | 'drain' | 'answer' | 'ask' | 'lone-produce' | 'lone-consume' | 'stall'
  /** Of a round. */
  readonly count: number
  /** Sent or asked before what is measured: code that is run for the first time is slow. */
  readonly warm: number
  readonly inFlight?: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const rss = (): number => process.memoryUsage.rss() / 1024 / 1024

const task = await told<Task>('task')
const ended = told('end')
const { open } = (await import(`./sides/${task.side}.ts`)) as { open(run: Run): Promise<Side> }
const side = await open(task)
const { count, warm, inFlight = 1 } = task
const cost = new OwnCost(`${task.side}-${task.role}`)
const asks = (i: number): Promise<void> => (side.ask as (i: number) => Promise<void>)(i)

/** Says that it is warm and does `work` at each `go`, with the number of the round's first message. */
function rounds(work: (from: number) => Promise<unknown>): void {
  let from = warm
  cost.begin()
  atGo(async () => {
    const figure = await work(from)
    from += count
    await cost.end(count)
    return figure
  })
  tell('ready')
}

/** Milliseconds that it takes. */
async function timed(work: Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work
  return performance.now() - from
}

/** What was handled, and when so many were. */
const times: bigint[] = []
let handled = 0
let wanted = 0
let reached: () => void = () => {}
function until(total: number): Promise<void> {
  wanted = total
  return handled >= total ? Promise.resolve() : new Promise((resolve) => (reached = resolve))
}
const handle = (): void => {
  if (++handled === wanted) reached()
}

const roles: Record<Task['role'], () => Promise<unknown>> = {
  /** Milliseconds for `count` messages. */
  async produce() {
    await side.produce(0, warm)
    rounds((from) => timed(side.produce(from, from + count)))
  },
  async consume() {
    await side.consume(handle)
    rounds((from) => until(from + count))
    await until(warm)
    tell('warm')
  },
  /** Milliseconds between the last of the warm ones and the last of all. */
  async drain() {
    const begun = until(warm)
    void side.consume(handle)
    await begun
    cost.begin()
    tell('done', await timed(until(warm + count)))
    await cost.end(count)
  },
  async answer() {
    await side.answer?.()
    tell('ready')
  },
  /** The median time of one question at a time, or milliseconds for `count` of them with `inFlight` under way. */
  async ask() {
    // Also where one at a time is measured: so many would take a minute.
    await windowed(0, warm, 100, asks)
    rounds(async (from) => {
      if (inFlight > 1) return timed(windowed(from, from + count, inFlight, asks))
      const took: number[] = []
      for (let i = from; i < from + count; i++) took.push(await timed(asks(i)))
      return percentile(took, 0.5)
    })
  },
  /** When each was sent. */
  async 'lone-produce'() {
    await side.produce(0, warm)
    rounds(async (from) => {
      const sent: bigint[] = []
      for (let i = from; i < from + count; i++) {
        await pause(10)
        sent.push(process.hrtime.bigint())
        await side.produce(i, i + 1)
      }
      return sent
    })
  },
  /** When each was handled. */
  async 'lone-consume'() {
    await side.consume(() => {
      times.push(process.hrtime.bigint())
      handle()
    })
    rounds(async (from) => {
      await until(from + count)
      return times.slice(from, from + count)
    })
  },
  /** Megabytes that the process grows by while no handler ends and all the rest waits. */
  async stall() {
    globalThis.gc?.()
    const before = rss()
    await side.consume(() => new Promise<void>(() => {}))
    let most = 0
    for (let i = 0; i < 100; i++) {
      await pause(50)
      most = Math.max(most, rss())
    }
    tell('done', most - before)
  },
}

await roles[task.role]()
await ended
// A stalled handler never ends: nothing to wait for.
if (task.role !== 'stall') await side.close()
process.exit(0)
