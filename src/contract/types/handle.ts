import type { Call, Publish } from './call.ts'
import type { ServiceShape } from './service.ts'

/** A running service: what `app.serve` resolves to. */
export interface ServiceHandle<S extends ServiceShape> {
  readonly name: S['name']
  /** Asks other services outside any handler, as this service: replies to `send` reach its reply handlers. */
  readonly call: Call<S>
  /** Publishes this service's events outside any handler. */
  readonly publish: Publish<S>
  /** How many handlers run at once, from now on. */
  setConcurrency(value: number): void
  /** Stops intake, finishes what runs, gives back the rest. */
  close(): Promise<void>
}
