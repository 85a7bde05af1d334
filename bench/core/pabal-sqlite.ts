/** A process of the Pabal side of the sqlite rows: a producer, a consumer or an idle one. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { connect, defineService, type Handlers, on } from 'pabal'
import { tell, told } from './children.ts'
import { Bench } from './contract.ts'
import { order } from './work.ts'

interface Task {
  readonly role: 'produce' | 'publish' | 'consume' | 'compete' | 'hear' | 'serve' | 'lone' | 'ask' | 'idle'
  readonly url: string
  readonly count: number
  readonly batch: number
  readonly as?: string
}

const task = await told<Task>('task')
const ended = told('end')
const app = await connect(task.url)
const { bench } = app.clients({ bench: Bench }, { within: '30s' })
const Hearer = defineService('hearer', { version: '1.0.0' })

let left = task.count
let finished: () => void = () => {}
const all = new Promise<void>((resolve) => {
  finished = resolve
})
const count = (): void => {
  if (--left === 0) finished()
}
const handledAt: bigint[] = []

async function batches(send: (i: number) => Promise<unknown>): Promise<void> {
  for (let sent = 0; sent < task.count; sent += task.batch) {
    const batch: Promise<unknown>[] = []
    for (let i = sent; i < Math.min(task.count, sent + task.batch); i++) batch.push(send(i))
    await Promise.all(batch)
  }
}

/** Code that is run for the first time is slow, and that is not what is measured. */
const warmUp = 1000
const pause = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 10))

async function loopDelay(work: Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work
  delay.disable()
  return delay.percentile(99) / 1e6 - 1
}

const serving = (take: () => void): Handlers<Bench> => ({
  take,
  place: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
  ask: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
})
let publish: ((i: number) => Promise<unknown>) | undefined

if (task.role === 'consume') await app.serve(Bench, serving(count))
if (task.role === 'compete') {
  let seen = 0
  await app.serve(
    Bench,
    serving(() => void seen++),
  )
  setInterval(() => {
    if (seen > 0) tell('count', seen)
    seen = 0
  }, 10)
}
if (task.role === 'publish') {
  const service = await app.serve(Bench, serving(count))
  publish = (i) => service.publish.BenchOrder.OrderTaken(order(i).orderId, order(i))
}
if (task.role === 'hear') await app.serve(Hearer, { on: [on(Bench.events.BenchOrder, { OrderTaken: count })] }, { as: task.as as string })
if (task.role === 'serve')
  await app.serve(
    Bench,
    serving(() => void handledAt.push(process.hrtime.bigint())),
  )
tell('ready')

if (task.role === 'idle') {
  await told('go')
  const before = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const { user, system } = process.cpuUsage(before)
  tell('done', ((user + system) / 3_000_000) * 100)
} else if (task.role !== 'serve' && task.role !== 'compete') {
  await told('go')
  if (task.role === 'produce') tell('done', await loopDelay(batches((i) => bench.take(order(i)))))
  if (task.role === 'publish') tell('done', await loopDelay(batches(publish as (i: number) => Promise<unknown>)))
  if (task.role === 'consume' || task.role === 'hear') tell('done', await loopDelay(all))
  if (task.role === 'ask') {
    for (let i = 0; i < warmUp; i++) await bench.ask(order(i))
    const times: number[] = []
    for (let i = 0; i < task.count; i++) {
      const from = performance.now()
      await bench.ask(order(i))
      times.push(performance.now() - from)
      await pause()
    }
    tell('done', times)
  }
  if (task.role === 'lone') {
    for (let i = 0; i < warmUp; i++) await bench.take(order(i))
    await pause()
    const sentAt: bigint[] = []
    for (let i = 0; i < task.count; i++) {
      sentAt.push(process.hrtime.bigint())
      void bench.take(order(i))
      await pause()
    }
    tell('done', sentAt)
  }
} else if (task.role === 'serve') {
  await told('report')
  tell('done', handledAt.slice(-task.count))
}
await ended
await app.close()
process.exit(0)
