import { type ChildProcess, fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Task } from './actor.ts'

/** One process of a run. */
export class Actor {
  readonly child: ChildProcess
  readonly ready: Promise<void>
  /** How it ended: a signal, or an exit code. */
  readonly ended: Promise<string>
  over = false
  readonly #busy: Promise<void>

  constructor(task: Task) {
    this.child = fork(new URL('./actor.ts', import.meta.url), [JSON.stringify(task)], {
      execArgv: [],
      // most of a life would else go into compiling
      env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.ended = new Promise((resolve) =>
      this.child.once('exit', (code, signal) => {
        this.over = true
        resolve(signal ?? `exit ${code}`)
      }),
    )
    const over = this.ended.then(() => undefined)
    const heard = (what: string) => new Promise<void>((resolve) => this.child.on('message', (message) => message === what && resolve()))
    // it may die before it is ready: then that is how this life went
    this.ready = Promise.race([heard('ready'), over])
    this.#busy = Promise.race([heard('busy'), over])
  }

  /** Resolves when it has sent or handled something, and after `ms` in any case. */
  async busy(ms: number): Promise<void> {
    const timer = new AbortController()
    await Promise.race([this.#busy, sleep(ms, timer.signal)])
    timer.abort()
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): void {
    if (!this.over) this.child.kill(signal)
  }

  /** Drains and ends; resolves with how it ended, `exit 0` where all is well. */
  async stop(): Promise<string> {
    if (!this.over && this.child.connected) this.child.send('stop')
    return await this.ended
  }
}

export const sleep = (ms: number, signal?: AbortSignal): Promise<void> => pause(ms, undefined, { signal }).catch(() => undefined)

/** Waits as long as there is progress. */
export async function until(
  condition: () => boolean,
  what: () => string,
  progress: () => unknown = () => 0,
  patience = 20_000,
): Promise<void> {
  let last = progress()
  let since = performance.now()
  while (!condition()) {
    await sleep(100)
    const now = progress()
    if (now !== last) [last, since] = [now, performance.now()]
    else if (performance.now() - since > patience) throw new Error(`${what()}: nothing happened for ${patience} ms`)
  }
}
