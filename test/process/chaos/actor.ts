import { appendFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { type App, connect, isPabalError } from '../../../src/index.ts'
import type { FaultPoint, Runtime } from '../../../src/runtime/runtime.ts'
import { systemRuntime } from '../../../src/runtime/system.ts'
import { sqlite } from '../../../src/transport/sqlite/index.ts'
import { consume } from './consumer.ts'
import { ask, oven } from './oven.ts'
import { produce } from './producer.ts'
import { sleep } from './stagehand.ts'

/** What a process of a chaos run is told. */
export interface Task {
  readonly role: 'producer' | 'consumer' | 'asker' | 'oven'
  readonly name: string
  readonly url: string
  readonly folder: string
  readonly dieAt?: { readonly point: FaultPoint; readonly pass: number } | undefined
  /** Producers: how long they rest after each batch, in milliseconds. */
  readonly pause?: number | undefined
  /** Consumers: the message whose handler kills its process, as `key seq`. */
  readonly poison?: string | undefined
  /** Consumers: the share of handlings that fail. */
  readonly failing?: number | undefined
  readonly maxLosses?: number | undefined
  /** Consumers: how much they take at once. */
  readonly maxMessages?: number | undefined
  /** Askers: how many questions this life asks. */
  readonly ask?: number | undefined
}

const task = JSON.parse(process.argv[2] ?? '') as Task

/** A runtime that kills its own process at the nth pass of a point. */
function mortal(): Runtime {
  const { dieAt } = task
  if (dieAt === undefined) return systemRuntime
  let passes = 0
  return {
    ...systemRuntime,
    point: (name) => {
      if (name === dieAt.point && ++passes === dieAt.pass) process.kill(process.pid, 'SIGKILL')
      return undefined
    },
  }
}

/** Points of the adapter are passed in its worker, which kills the process from there. */
function target() {
  const { dieAt, url } = task
  if (dieAt === undefined || !dieAt.point.startsWith('transport.') || !url.startsWith('sqlite:')) return url
  return sqlite({ file: url.slice('sqlite:'.length), faults: { kill: dieAt } })
}

/** What Pabal says is kept beside the ledgers, for runs that go wrong. */
function note(message: string): void {
  appendFileSync(join(task.folder, `${task.name}.log`), `${new Date().toISOString()} ${process.pid} ${message}\n`)
}

/** Connects and takes up its role; while a broker is away, again and again. */
async function begin(): Promise<readonly [App, () => Promise<void>]> {
  const deadline = performance.now() + 60_000
  while (true) {
    let app: App | undefined
    try {
      app = await connect(target(), {
        runtime: mortal(),
        name: task.name,
        drain: '60s',
        logger: { info: () => {}, warn: note, error: note },
      })
      return [app, await { producer: produce, consumer: consume, oven, asker: ask }[task.role](app, task)]
    } catch (error) {
      await app?.close().catch(() => undefined)
      if (!isPabalError(error) || !error.retryable || performance.now() > deadline) throw error
      await sleep(100)
    }
  }
}

const [app, stop] = await begin()
// who is killed writes nothing at its end
flushCompileCache()
process.send?.('ready')
process.on('message', async (message) => {
  if (message !== 'stop') return
  await stop()
  await app.close()
  process.send?.('stopped')
  process.disconnect()
})
process.on('disconnect', () => process.exit())
