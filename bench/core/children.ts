import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A child process of a benchmark: told what to do once, says `ready`, then `done` with figures. */
export class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<string, (value: unknown) => void>()
  readonly #early = new Map<string, unknown>()
  readonly #listeners = new Map<string, (value: unknown) => void>()
  /** Rejects when the process fails. */
  readonly #failed: Promise<never>

  constructor(file: URL, task: Readonly<Record<string, unknown>>) {
    this.#process = fork(file, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#process.on('message', (message: { what: string; value: unknown }) => {
      const heard = this.#listeners.get(message.what)
      if (heard) return heard(message.value)
      const wanted = this.#waiting.get(message.what)
      if (wanted) wanted(message.value)
      else this.#early.set(message.what, message.value)
    })
    this.#failed = new Promise((_, reject) => {
      this.#process.on('exit', (code, signal) => {
        if (code !== 0) reject(new Error(`a benchmark process ended with ${code ?? signal}`))
      })
    })
    this.#failed.catch(() => undefined)
    this.tell('task', task)
  }

  tell(what: string, value?: unknown): void {
    this.#process.send({ what, value })
  }

  /** Calls `heard` at each message of that name. */
  on(what: string, heard: (value: unknown) => void): void {
    this.#listeners.set(what, heard)
  }

  async told<T>(what: string): Promise<T> {
    if (this.#early.has(what)) {
      const value = this.#early.get(what)
      this.#early.delete(what)
      return value as T
    }
    return Promise.race([this.#failed, new Promise<T>((resolve) => this.#waiting.set(what, resolve as (value: unknown) => void))])
  }

  async end(): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.tell('end')
    await gone
  }

  /** Ends it where it still runs, whatever it does. */
  kill(): void {
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL')
  }
}

/** Runs `use` with an empty folder that is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'pabal-bench-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The child's side. */
export function told<T>(what: string): Promise<T> {
  return new Promise((resolve) => {
    const listen = (message: { what: string; value: T }): void => {
      if (message.what !== what) return
      process.off('message', listen)
      resolve(message.value)
    }
    process.on('message', listen)
  })
}

export function tell(what: string, value?: unknown): void {
  process.send?.({ what, value })
}
