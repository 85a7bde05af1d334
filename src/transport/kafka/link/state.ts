import type { StateListener } from '../../seam.ts'
import { LinkFault } from '../protocol/codes.ts'
import { backoff, type Cluster, pause } from './cluster.ts'

/** Whether brokers answer, as it is told to the app: asked again and again from the first trouble on until they do. */
export class State {
  readonly #cluster: Cluster
  readonly #listener: StateListener
  #ready = true
  #probing = false
  #closed = false

  constructor(cluster: Cluster, listener: StateListener) {
    this.#cluster = cluster
    this.#listener = listener
  }

  troubled(error: unknown): void {
    if (this.#closed || this.#probing || !(error instanceof LinkFault)) return
    this.#probing = true
    void (async () => {
      for (let attempt = 0; !this.#closed; attempt++) {
        try {
          await this.#cluster.refresh([])
          break
        } catch (failure) {
          if (this.#ready) this.#tell(false, (failure as Error).message)
        }
        await pause(Math.min(backoff(attempt), 500))
      }
      this.#probing = false
      if (!this.#ready) this.#tell(true, '')
    })()
  }

  #tell(ready: boolean, reason: string): void {
    if (this.#closed) return
    this.#ready = ready
    this.#listener(ready ? { ready } : { ready, reason })
  }

  /** Something that people should know, and that stops nothing. */
  warn(text: string): void {
    if (!this.#closed) this.#listener(this.#ready ? { ready: true, warning: text } : { ready: false, reason: text })
  }

  close(): void {
    this.#closed = true
  }
}
