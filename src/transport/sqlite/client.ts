import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { PabalError } from '../../errors.ts'
import type { TraceEvent } from './options.ts'
import type { Operation, Operations, Request, Response } from './protocol.ts'

interface Waiting {
  resolve(value: unknown): void
  reject(error: PabalError): void
}

/** The main thread's end of the worker: every operation is a promise. Requests are carried out in the order of the calls. */
export class StoreClient {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #trace: ((event: TraceEvent) => void) | undefined
  readonly #others: () => string
  #next = 0
  #ended: PabalError | undefined

  /** `failed` is told once where the worker ends by itself; `others` says who may hold the write lock. */
  constructor(trace: ((event: TraceEvent) => void) | undefined, failed: (error: PabalError) => void, others: () => string) {
    this.#trace = trace
    this.#others = others
    this.#worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#worker.on('message', (response: Response) => this.#take(response))
    this.#worker.on('error', (cause: Error) => this.#end(ended(cause), failed))
    this.#worker.on('exit', (code) =>
      this.#end(new PabalError('STORE_UNUSABLE', `the worker of the store ended with the code ${code}`), failed),
    )
    this.#worker.unref()
  }

  call<O extends Operation>(op: O, args: Operations[O]['takes'], transfer: readonly ArrayBuffer[] = []): Promise<Operations[O]['gives']> {
    if (this.#ended) return Promise.reject(this.#ended)
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      // While an answer is awaited the process must live on.
      if (this.#waiting.size === 1) this.#worker.ref()
      this.#worker.postMessage({ id, op, args } satisfies Request<O>, transfer)
    })
  }

  #take(response: Response): void {
    if ('trace' in response) {
      this.#trace?.(response.trace)
      return
    }
    const waiting = this.#waiting.get(response.id)
    if (!waiting) return
    this.#waiting.delete(response.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if ('error' in response) {
      const { code, message, hint } = response.error
      waiting.reject(new PabalError(code, code === 'STORE_BUSY' ? `${message}${this.#others()}` : message, { hint: hint as string }))
    } else waiting.resolve(response.value)
  }

  #end(error: PabalError, failed: (error: PabalError) => void): void {
    if (this.#ended) return
    this.#ended = error
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
    failed(error)
  }

  async close(): Promise<void> {
    this.#ended ??= new PabalError('CLOSED', 'the store is closed')
    await this.#worker.terminate()
  }
}

function ended(cause: Error): PabalError {
  // What Node itself says of a built-in module that it lacks would send people looking for a package.
  if (cause.message.includes('node:sqlite'))
    return new PabalError('STORE_UNUSABLE', `the embedded store needs Node 22.13 or newer, and this is ${process.version}`, {
      cause,
      hint: 'Run it with a newer Node.',
    })
  return new PabalError('STORE_UNUSABLE', `the worker of the store ended: ${cause.message}`, { cause })
}
