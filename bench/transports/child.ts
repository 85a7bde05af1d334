/** A process of the transports suite: one side in one role. It says `ready`, does its work at `go`, and says `done` with a figure. */
import { tell, told } from '../core/children.ts'
import { percentile } from '../pair.ts'
import { OwnCost } from './own-cost.ts'
import { type Run, type Side, windowed } from './side.ts'

export interface Task extends Run {
  /** A file of sides/. */
  readonly side: string
  readonly role: 'produce' | 'consume' | 'answer' | 'ask' | 'lone-produce' | 'lone-consume' | 'stall'
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
const { count, warm } = task
const cost = new OwnCost(`${task.side}-${task.role}`)
/** What is measured begins. */
const warmed = (): void => {
  cost.begin()
  tell('warm')
}
const asks = (i: number): Promise<void> => (side.ask as (i: number) => Promise<void>)(i)

const roles: Record<Task['role'], () => Promise<unknown>> = {
  /** Milliseconds for `count` messages. */
  async produce() {
    await side.produce(0, warm)
    warmed()
    await told('go')
    const from = performance.now()
    await side.produce(warm, warm + count)
    return performance.now() - from
  },
  /** Milliseconds between the last of the warm ones and the last of all. */
  async consume() {
    let seen = 0
    let from = 0
    const times = new Promise<number>((resolve) => {
      void side
        .consume(() => {
          seen++
          if (seen === warm) {
            from = performance.now()
            warmed()
          }
          if (seen === warm + count) resolve(performance.now() - from)
        })
        .then(() => tell('ready'))
    })
    return times
  },
  async answer() {
    await side.answer?.()
    tell('ready')
  },
  /** The median time of one question at a time, or milliseconds for `count` of them with `inFlight` under way. */
  async ask() {
    const { inFlight = 1 } = task
    await windowed(0, warm, inFlight === 1 ? 1 : inFlight, asks)
    warmed()
    await told('go')
    if (inFlight > 1) {
      const from = performance.now()
      await windowed(warm, warm + count, inFlight, asks)
      return performance.now() - from
    }
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const from = performance.now()
      await asks(i)
      times.push(performance.now() - from)
    }
    return percentile(times, 0.5)
  },
  /** When each was sent. */
  async 'lone-produce'() {
    await side.produce(0, warm)
    warmed()
    await told('go')
    const times: bigint[] = []
    for (let i = 0; i < count; i++) {
      times.push(process.hrtime.bigint())
      await Promise.all([side.produce(warm + i, warm + i + 1), pause(10)])
    }
    return times
  },
  /** When each was handled. */
  async 'lone-consume'() {
    const times: bigint[] = []
    const all = new Promise<void>((resolve) => {
      void side
        .consume(() => {
          if (times.push(process.hrtime.bigint()) === warm + count) resolve()
        })
        .then(() => tell('ready'))
    })
    await all
    return times.slice(-count)
  },
  /** Megabytes that the process grows by while no handler ends and all the rest waits. */
  async stall() {
    gc?.()
    const before = rss()
    await side.consume(() => new Promise<void>(() => {}))
    let most = 0
    for (let i = 0; i < 100; i++) {
      await pause(50)
      most = Math.max(most, rss())
    }
    return most - before
  },
}

tell('done', await roles[task.role]())
if (warm > 0) await cost.end(count)
await ended
// A stalled handler never ends: nothing to wait for.
if (task.role !== 'stall') await side.close()
process.exit(0)
