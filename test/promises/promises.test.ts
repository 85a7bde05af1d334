import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type App,
  type ContractOf,
  command,
  connect,
  defineService,
  event,
  type Handlers,
  notification,
  on,
  type PabalError,
  query,
} from '../../src/index.ts'
import { errorOf, pause, until } from '../service/apps.ts'
import { stores } from './stores.ts'

/** Promises that no other test is named after; `docs/explanation/promises.md` lists them all. */
const work = defineService('work', {
  version: '1.0.0',
  commands: {
    job: notification(z.object({ key: z.string(), n: z.number() }), { key: 'key' }),
    loose: notification(z.object({ text: z.string() })),
    order: command(z.object({ n: z.number() }), { replies: { Done: z.object({ n: z.number() }) } }),
  },
  queries: { status: query(z.object({}), { replies: { Status: z.object({ text: z.string() }) } }) },
  events: { Job: { JobDone: event(z.object({ n: z.number() })) } },
})
interface Work extends ContractOf<typeof work> {}
const Work: Work = work
const usual: Handlers<Work> = {
  job: () => {},
  loose: () => {},
  order: ({ payload, reply }) => reply.Done(payload),
  status: ({ reply }) => reply.Status({ text: 'ok' }),
}

const waiting = async (app: App, address = 'work'): Promise<number> =>
  (await app.channels()).filter(({ channel }) => channel.address === address).reduce((sum, depth) => sum + depth.waiting + depth.parked, 0)

describe.each(stores)('%s', (_name, make) => {
  test('a message is acknowledged after its handler, never before', async () => {
    const app = await make().app()
    let finish = (): void => {}
    let begun = false
    const finished = new Promise<void>((resolve) => (finish = resolve))
    await app.serve(Work, {
      ...usual,
      job: async () => {
        begun = true
        await finished
      },
    })
    await app.client(Work).job({ key: 'a', n: 1 })
    await until(() => begun)
    await pause(50)
    expect(await waiting(app)).toBe(1)
    finish()
    await expect.poll(() => waiting(app)).toBe(0)
    expect(app.counters().handled).toBe(1)
  })

  test('order holds per key through retries, for two consumers, and a failing key stops no other', async () => {
    const store = make()
    const done = new Map<string, number[]>()
    const begun: string[] = []
    const failed = new Set<string>()
    const serve = async (): Promise<void> => {
      const app = await store.app({ retry: { delay: 5, maxDelay: 5 } })
      await app.serve(Work, {
        ...usual,
        job: async ({ payload: { key, n }, attempt }) => {
          begun.push(`${key}${n}`)
          if (key === 'slow' && attempt < 4) {
            failed.add(`${n}`)
            throw new Error('not yet')
          }
          await pause(n % 3)
          done.set(key, [...(done.get(key) ?? []), n])
        },
      })
    }
    await serve()
    await serve()
    const client = (await store.app()).client(Work)
    const keys = ['slow', 'a', 'b', 'c', 'd', 'e', 'f', 'g']
    for (let n = 0; n < 10; n++) await Promise.all(keys.map((key) => client.job({ key, n })))
    const all = () => keys.every((key) => done.get(key)?.length === 10)
    await until(all)
    for (const key of keys) expect(done.get(key), key).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(failed.size).toBe(10)
    // While the slow key was retried, others went on.
    expect(begun.indexOf('a9')).toBeLessThan(begun.lastIndexOf('slow9'))
  })

  test('what a handler sends leaves with its success, what is immediate at once; a second run sends the same ids', async () => {
    const store = make()
    const app = await store.app({ retry: { delay: 5 } })
    const heard: { n: number; id: string }[] = []
    await app.on(on(Work.events.Job, { JobDone: ({ payload, message }) => void heard.push({ n: payload.n, id: message.id }) }))
    await app.serve(Work, {
      ...usual,
      job: async ({ publish, attempt }) => {
        await publish.Job.JobDone('k', { n: attempt })
        await publish.Job.JobDone('k', { n: 100 }, { immediate: true })
        if (attempt < 3) throw new Error('not yet')
      },
    })
    await app.client(Work).job({ key: 'a', n: 1 })
    await until(() => heard.length === 4)
    expect(heard.map(({ n }) => n)).toEqual([100, 100, 100, 3])
    expect(new Set(heard.map(({ id }) => id)).size).toBe(2)
  })

  test('what fails for good is not dropped: it waits with its reason, and is handled when it is redriven, edited', async () => {
    const app = await make().app({ retry: { attempts: 2, delay: 1 } })
    const seen: string[] = []
    await app.serve(Work, {
      ...usual,
      loose: ({ payload }) => {
        if (payload.text === 'bad') throw new Error('it is bad')
        seen.push(payload.text)
      },
    })
    await app.client(Work).loose({ text: 'bad' })
    await expect.poll(() => waiting(app, 'work.dead')).toBe(1)
    const place = { channel: 'work' }
    for await (const letter of app.deadLetters.list(place))
      expect(letter).toMatchObject({ attempts: 2, code: 'ATTEMPTS_SPENT', reason: expect.stringContaining('it is bad') })
    const edit = () => ({ body: Buffer.from('{"text":"good"}') })
    expect(await app.deadLetters.redrive(place, {}, { edit })).toEqual({ done: 1, gone: 0 })
    await until(() => seen.length === 1)
    expect(seen).toEqual(['good'])
    expect(await waiting(app, 'work.dead')).toBe(0)
  })

  test('a full store refuses with a code, loses nothing that it took, and takes again when it was read', async () => {
    const store = make('small')
    const app = await store.app()
    const client = app.client(Work)
    const text = 'x'.repeat(5000)
    const taken: string[] = []
    const refused: PabalError[] = []
    while (refused.length < 5) {
      const given = `${taken.length} ${text}`
      await client.loose({ text: given }).then(
        () => taken.push(given),
        (error: PabalError) => refused.push(error),
      )
    }
    for (const error of refused) {
      expect(['OVERLOADED', 'STORE_FULL']).toContain(error.code)
      expect(error).toMatchObject({
        retryable: true,
        hint: expect.stringMatching(/consumers/),
        message: expect.stringMatching(/at most \d+/),
      })
    }
    expect(taken.length).toBeGreaterThan(10)
    const seen: string[] = []
    await app.serve(Work, {
      ...usual,
      loose: ({ payload }) => void seen.push(payload.text),
    })
    await until(() => seen.length === taken.length)
    expect(new Set(seen)).toEqual(new Set(taken))
    await client.loose({ text: 'again' })
    await until(() => seen.includes('again'))
  })

  test('every request has a deadline; it ends the wait for a command, not the command', async () => {
    const store = make()
    const app = await store.app({ within: 60 })
    const client = app.client(Work)
    expect(await errorOf(client.status({}))).toMatchObject({ code: 'NO_RESPONDER' })
    const unknown: PabalError = await errorOf(client.order({ n: 7 }))
    expect(unknown).toMatchObject({ code: 'OUTCOME_UNKNOWN', id: expect.stringMatching(/\w/) })
    const ids: string[] = []
    await app.serve(Work, {
      ...usual,
      order: ({ payload, reply, message }) => {
        ids.push(message.id)
        return reply.Done(payload)
      },
    })
    await until(() => ids.length === 1)
    const again = await client.order({ n: 7 }, { id: unknown.id as string, within: '5s' })
    expect(again.payload).toEqual({ n: 7 })
    // The answer to the first time does as well, where it comes meanwhile.
    expect(new Set(ids)).toEqual(new Set([unknown.id]))
  })

  test('an asker is told the code of a failure, and neither its text nor its stack', async () => {
    const app = await make().app({ retry: { attempts: 1 } })
    const fail = (): never => {
      throw new Error('password=secret')
    }
    await app.serve(Work, { ...usual, order: fail, status: fail })
    const client = app.client(Work)
    for (const asked of [() => client.order({ n: 1 }), () => client.status({})]) {
      const error: PabalError = await errorOf(asked())
      expect(error.code).toBe('REMOTE_ERROR')
      expect(JSON.stringify({ ...error, message: error.message, stack: error.stack, cause: error.cause })).not.toContain('secret')
    }
  })

  test('health() says live and ready, with reasons, and what is in hand', async () => {
    const app = await make().app()
    expect(app.health()).toEqual({ live: true, ready: true, reasons: [], services: {}, inFlight: 0 })
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => (finish = resolve))
    await app.serve(Work, { ...usual, job: () => finished })
    await app.client(Work).job({ key: 'a', n: 1 })
    await until(() => app.health().services.work?.running === 1)
    const closing = app.close()
    expect(app.health()).toMatchObject({ live: true, ready: false, reasons: ['the app is draining'] })
    finish()
    await closing
    expect(app.health()).toMatchObject({ live: false, ready: false, reasons: expect.arrayContaining(['the app is closed']) })
  })

  test('effectively-once is refused while there is no inbox', async () => {
    const app = await make().app()
    const empty = defineService('empty', { version: '1.0.0' })
    expect(await errorOf(app.serve(empty, {}, { effectivelyOnce: true }))).toMatchObject({ code: 'INBOX_REQUIRED' })
  })

  test('a group begins with what is published after it subscribed: nothing is replayed', async () => {
    const store = make()
    const app = await store.app()
    const handle = await app.serve(Work, usual)
    await handle.publish.Job.JobDone('k', { n: 1 })
    const heard: number[] = []
    await (await store.app()).serve(defineService('late', { version: '1.0.0' }), {
      on: [on(Work.events.Job, { JobDone: ({ payload }) => void heard.push(payload.n) })],
    })
    await handle.publish.Job.JobDone('k', { n: 2 })
    await until(() => heard.length > 0)
    expect(heard).toEqual([2])
    expect(app.capabilities.replays).toBe(false)
  })

  test('no port is opened, and no signal is listened to unless asked', async () => {
    const signals = ['SIGTERM', 'SIGINT'] as const
    const listening = () => signals.map((signal) => process.listenerCount(signal))
    const before = listening()
    const app = await make().app()
    await app.serve(Work, usual)
    await app.client(Work).status({})
    expect(process.getActiveResourcesInfo().filter((name) => /^(TCP|UDP)/.test(name))).toEqual([])
    expect(listening()).toEqual(before)
    app.closeOn(signals, { exit: false })
    expect(listening()).toEqual(before.map((count) => count + 1))
    expect(() => app.closeOn(['SIGKILL' as never])).toThrow('"SIGKILL" is no signal to close on')
    expect(() => app.closeOn(['SIGTERM'], { within: 'soon' as never })).toThrow('the option within is "soon"')
    await app.close()
    expect(listening()).toEqual(before)
  })
})

test('each memory: is a store of its own', async () => {
  const [one, two] = [await connect('memory:'), await connect('memory:')]
  await one.serve(Work, usual)
  expect(await errorOf(two.client(Work).status({}))).toMatchObject({ code: 'NO_RESPONDER' })
  await Promise.all([one.close(), two.close()])
})
