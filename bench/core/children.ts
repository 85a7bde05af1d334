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

  constructor(file: URL, task: Readonly<Record<string, unknown>>) {
    this.#process = fork(file, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#process.on('message', (message: { what: string; value: unknown }) => {
      const heard = this.#listeners.get(message.what)
      if (heard) return heard(message.value)
      const wanted = this.#waiting.get(message.what)
      if (wanted) wanted(message.value)
      else this.#early.set(message.what, message.value)
    })
    this.#process.on('exit', (code) => {
      if (code !== 0 && code !== null) {
        console.error(`a benchmark process ended with ${code}`)
        process.exit(1)
      }
    })
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
    return new Promise<T>((resolve) => this.#waiting.set(what, resolve as (value: unknown) => void))
  }

  async end(): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.tell('end')
    await gone
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
