/** A process of the Pabal side of the sqlite rows: a producer, a consumer or an idle one. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { connect, defineService, type Handlers, on } from 'pabal'
import { atGo, tell, told } from './children.ts'
import { Bench } from './contract.ts'
import { order } from './work.ts'

interface Task {
  readonly role: 'produce' | 'publish' | 'consume' | 'compete' | 'hear' | 'lone-produce' | 'lone-consume' | 'answer' | 'ask' | 'idle'
  readonly url: string
  readonly batch: number
  readonly as?: string
}

const task = await told<Task>('task')
const ended = told('end')
const app = await connect(task.url)
const { bench } = app.clients({ bench: Bench }, { within: '30s' })
const Hearer = defineService('hearer', { version: '1.0.0' })

/** Code that is run for the first time is slow, and that is not what is measured. */
const warmUp = 1000
const pause = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 10))

let handled = 0
let wanted = 0
let reached: () => void = () => {}
const count = (): void => {
  if (++handled === wanted) reached()
}
/** Resolves when so many more were handled. */
function more(n: number): Promise<void> {
  wanted += n
  return handled >= wanted ? Promise.resolve() : new Promise((resolve) => (reached = resolve))
}

let sent = 0
/** Sends so many more. */
async function batches(n: number, send: (i: number) => Promise<unknown>): Promise<void> {
  for (const end = sent + n; sent < end; ) {
    const batch: Promise<unknown>[] = []
    for (const to = Math.min(end, sent + task.batch); sent < to; sent++) batch.push(send(sent))
    await Promise.all(batch)
  }
}

async function loopDelay(work: Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work
  delay.disable()
  return delay.percentile(99) / 1e6 - 1
}

const serve = (take: () => void) => {
  const handlers: Handlers<Bench> = {
    take,
    place: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
    ask: ({ payload, reply }) => reply.Placed({ orderId: payload.orderId }),
  }
  return app.serve(Bench, handlers)
}

const roles: Record<Task['role'], () => Promise<unknown>> = {
  async consume() {
    await serve(count)
    atGo((n) => loopDelay(more(n)))
  },
  async hear() {
    await app.serve(Hearer, { on: [on(Bench.events.BenchOrder, { OrderTaken: count })] }, { as: task.as as string })
    atGo((n) => loopDelay(more(n)))
  },
  async produce() {
    atGo((n) => loopDelay(batches(n, (i) => bench.take(order(i)))))
  },
  async publish() {
    const service = await serve(count)
    atGo((n) => loopDelay(batches(n, (i) => service.publish.BenchOrder.OrderTaken(order(i).orderId, order(i)))))
  },
  async compete() {
    let seen = 0
    await serve(() => void seen++)
    setInterval(() => {
      if (seen > 0) tell('count', seen)
      seen = 0
    }, 10)
  },
  async answer() {
    await serve(count)
  },
  async ask() {
    for (; sent < warmUp; sent++) await bench.ask(order(sent))
    atGo(async (n) => {
      const times: number[] = []
      for (let i = 0; i < n; i++, sent++) {
        const from = performance.now()
        await bench.ask(order(sent))
        times.push(performance.now() - from)
        await pause()
      }
      return times
    })
  },
  async 'lone-produce'() {
    for (; sent < warmUp; sent++) await bench.take(order(sent))
    atGo(async (n) => {
      const times: bigint[] = []
      for (let i = 0; i < n; i++, sent++) {
        await pause()
        times.push(process.hrtime.bigint())
        void bench.take(order(sent))
      }
      await pause()
      return times
    })
  },
  async 'lone-consume'() {
    const times: bigint[] = []
    wanted = warmUp
    await serve(() => {
      times.push(process.hrtime.bigint())
      count()
    })
    atGo(async (n) => {
      await more(n)
      return times.slice(wanted - n, wanted)
    })
  },
  async idle() {
    atGo(async () => {
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 3000))
      const { user, system } = process.cpuUsage(before)
      return ((user + system) / 3_000_000) * 100
    })
  },
}

await roles[task.role]()
tell('ready')
await ended
await app.close()
process.exit(0)
