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

  /** One more round: what it says when it is done. */
  round<T>(value?: unknown): Promise<T> {
    this.tell('go', value)
    return this.told<T>('done')
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.tell('end')
    await gone
  }

  /** Ends it where it still runs, whatever it does. */
  kill(): void {
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL')
  }
}

/** The processes of one side, and a folder of their own, which goes with them. */
export class Cast {
  readonly folder = mkdtempSync(join(tmpdir(), 'pabal-bench-'))
  readonly #children: Child[] = []

  /** Resolves when it is ready. */
  async start(file: URL, task: Readonly<Record<string, unknown>>): Promise<Child> {
    const child = new Child(file, task)
    this.#children.push(child)
    await child.told('ready')
    return child
  }

  async end(): Promise<void> {
    for (const child of this.#children) await child.end()
    rmSync(this.folder, { recursive: true, force: true })
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

/** Does `work` at each `go`, and says `done` with what it came to. */
export function atGo(work: (count: number) => Promise<unknown>): void {
  process.on('message', (message: { what: string; value: number }) => {
    if (message.what === 'go') void work(message.value).then((value) => tell('done', value))
  })
}
