import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import type { DeliveryEvent } from '../../src/delivery/types.ts'
import type { Middleware } from '../../src/service/middleware.ts'
import { errorOf, pause, Town, until } from './apps.ts'
import { Kitchen, Order, plainKitchen, plainOrder } from './kitchen.ts'

const ticket = { orderId: 'o', lines: [] }

test('close finishes what runs and gives back the rest; nothing is lost, and closing twice is one closing', async () => {
  const town = new Town()
  const app = await town.app({ concurrency: 1 })
  const handled: string[] = []
  let begun = 0
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => (finish = resolve))
  await app.serve(Kitchen, {
    ...plainKitchen,
    remindCook: async ({ payload }) => {
      begun++
      await finished
      handled.push(payload.ticketId)
    },
  })
  const kitchen = (await town.app()).client(Kitchen)
  for (let n = 0; n < 5; n++) await kitchen.remindCook({ ticketId: String(n) })
  await until(() => begun === 1)
  const closing = Promise.all([app.close(), app.close()])
  finish()
  await closing
  expect(handled).toEqual(['0'])
  const next = await town.app()
  await next.serve(Kitchen, { ...plainKitchen, remindCook: ({ payload }) => void handled.push(payload.ticketId) })
  await until(() => handled.length === 5)
  expect(new Set(handled).size).toBe(5)
})

test('what a running handler asks and sends while the app closes still goes out', async () => {
  const town = new Town()
  await (await town.app()).serve(Kitchen, plainKitchen)
  const app = await town.app()
  let answer: unknown
  let began = false
  const order = await app.serve(Order, {
    ...plainOrder,
    begin: async ({ call }) => {
      began = true
      await pause(30)
      answer = await call.createTicket(ticket)
    },
  })
  await (await town.app()).client(Order).begin({ orderId: 'o' })
  await until(() => began)
  const closing = app.close()
  expect(await errorOf(order.call.createTicket(ticket))).toMatchObject({ code: 'CLOSED' })
  expect(app.health()).toMatchObject({ ready: false, live: true, reasons: ['the app is draining'] })
  await closing
  expect(answer).toMatchObject({ type: 'TicketCreated' })
  expect(app.health()).toMatchObject({ ready: false, live: false })
  expect(await errorOf(app.serve(Kitchen, plainKitchen))).toMatchObject({ code: 'CLOSED' })
})

test('a handler that outlasts the deadline: DRAIN_TIMEOUT, its signal aborts, and its message comes again elsewhere', async () => {
  const town = new Town()
  const app = await town.app()
  let aborted = false
  await app.serve(Kitchen, {
    ...plainKitchen,
    remindCook: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true
          reject(new Error('given up'))
        })
      }),
  })
  await (await town.app()).client(Kitchen).remindCook({ ticketId: 't' })
  await until(() => app.health().services.kitchen?.running === 1)
  expect(await errorOf(app.close({ within: '50ms' }))).toMatchObject({ code: 'DRAIN_TIMEOUT' })
  expect(aborted).toBe(true)
  let again = 0
  await (await town.app()).serve(Kitchen, { ...plainKitchen, remindCook: () => void again++ })
  await until(() => again === 1)
})

test('await using closes at the end of the block', async () => {
  const town = new Town()
  let kept: { health(): { live: boolean } }
  {
    await using app = await town.app()
    kept = app
    expect(app.health().live).toBe(true)
  }
  expect(kept.health().live).toBe(false)
})

test('middleware goes around the handler, the first of the app outermost; it sees faults and can keep the handler from running', async () => {
  const town = new Town()
  const trail: string[] = []
  const layer =
    (name: string): Middleware =>
    async ({ message, service, payload }, next) => {
      trail.push(`${name} ${service}.${message.type} ${JSON.stringify(payload)}`)
      try {
        await next()
        trail.push(`${name} done`)
      } catch (error) {
        trail.push(`${name} saw ${(error as Error).message}`)
        throw error
      }
    }
  const app = await town.app({ middleware: [layer('a'), layer('b')], retry: { attempts: 1 } })
  await app.serve(
    Kitchen,
    {
      ...plainKitchen,
      remindCook: ({ payload }) => {
        trail.push('handler')
        if (payload.ticketId === 'bad') throw new Error('bad')
      },
    },
    { middleware: [layer('c'), async ({ headers }, next) => (headers.skip === undefined ? await next() : undefined)] },
  )
  const kitchen = app.client(Kitchen)
  await kitchen.remindCook({ ticketId: 't' })
  await until(() => trail.length === 7)
  const call = ' kitchen.remindCook {"ticketId":"t"}'
  expect(trail.splice(0)).toEqual([`a${call}`, `b${call}`, `c${call}`, 'handler', 'c done', 'b done', 'a done'])
  await kitchen.remindCook({ ticketId: 'bad' })
  await until(() => app.counters().deadLettered === 1)
  expect(trail.splice(0).slice(3)).toEqual(['handler', 'c saw bad', 'b saw bad', 'a saw bad'])
  await kitchen.remindCook({ ticketId: 't' }, { headers: { skip: 'yes' } })
  await until(() => trail.length === 6)
  expect(trail).not.toContain('handler')
  expect(await kitchen.createTicket(ticket)).toMatchObject({ type: 'TicketCreated' })
})

test('what became of deliveries is told: to onDelivery, to the logger, and counted', async () => {
  const town = new Town()
  const events: DeliveryEvent[] = []
  const lines: string[] = []
  const note = (level: string) => (text: string) => void lines.push(`${level} ${text}`)
  const app = await town.app({
    onDelivery: (event) => void events.push(event),
    logger: { info: note('info'), warn: note('warn'), error: note('error') },
    retry: { attempts: 2, delay: 1 },
  })
  await app.serve(Kitchen, {
    ...plainKitchen,
    remindCook: () => {
      throw new Error('the bell is broken')
    },
  })
  const { id } = await app.client(Kitchen).remindCook({ ticketId: 't' })
  await until(() => app.counters().deadLettered === 1)
  expect(events.map((event) => [event.what, event.message.id])).toEqual([
    ['failed', id],
    ['failed', id],
    ['dead-lettered', id],
  ])
  expect(lines.map((line) => line.split(':')[0])).toEqual(['warn pabal', 'warn pabal', 'error pabal'])
  expect(lines[2]).toContain('the bell is broken')
  expect(app.counters()).toMatchObject({ failedAttempts: 2, deadLettered: 1, handled: 0 })
})

test('the number of handlers that run at once can be changed while they run', async () => {
  const town = new Town()
  let running = 0
  let most = 0
  const service = await (await town.app({ concurrency: 2 })).serve(Kitchen, {
    ...plainKitchen,
    remindCook: async () => {
      most = Math.max(most, ++running)
      await pause(5)
      running--
    },
  })
  const kitchen = (await town.app()).client(Kitchen)
  const burst = async () => {
    most = 0
    await Promise.all(Array.from({ length: 40 }, () => kitchen.remindCook({ ticketId: 't' })))
    await until(() => running === 0 && most > 0)
  }
  await burst()
  expect(most).toBe(2)
  service.setConcurrency(8)
  await pause(30)
  await burst()
  expect(most).toBe(8)
  expect(() => service.setConcurrency(0)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
})

/** A process that serves, is signalled, and says what it did. */
function signalled(extra: string): { out: () => string; ended: Promise<number | null>; kill(signal: NodeJS.Signals): void } {
  const program = `
    import { connect } from './src/index.ts'
    import { Kitchen, plainKitchen } from './test/service/kitchen.ts'
    const app = await connect('memory:')
    const remindCook = async () => { console.log('began'); ${extra}; console.log('ended') }
    await app.serve(Kitchen, { ...plainKitchen, remindCook })
    app.closeOn(['SIGTERM', 'SIGINT'])
    await app.client(Kitchen).remindCook({ ticketId: 't' })
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: new URL('../..', import.meta.url).pathname })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (out += data))
  return { out: () => out, ended: new Promise((resolve) => child.on('close', resolve)), kill: (signal) => void child.kill(signal) }
}

test('on a signal the app drains and the process ends; on a second one it ends at once', async () => {
  const drained = signalled('await new Promise((resolve) => setTimeout(resolve, 100))')
  const stuck = signalled('await new Promise(() => {})')
  await until(() => drained.out().includes('began') && stuck.out().includes('began'))
  drained.kill('SIGTERM')
  stuck.kill('SIGINT')
  expect(await drained.ended).toBe(0)
  expect(drained.out()).toContain('ended')
  stuck.kill('SIGINT')
  expect(await stuck.ended).toBe(130)
})
