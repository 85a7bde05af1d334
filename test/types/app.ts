import type { Nobody, Subscription } from '../../src/contract/index.ts'
import type { Clients, Handlers, ServiceHandle, ServiceShape } from '../../src/service/types/index.ts'

/** The parts of an app that take contracts, for tests of types alone. */
export interface App {
  serve<S extends ServiceShape>(service: S, handlers: Handlers<S>): Promise<ServiceHandle<S>>
  clients<Services extends Readonly<Record<string, ServiceShape>>>(services: Services): Clients<Services>
  on(subscription: Subscription<Nobody>): Promise<void>
}
export declare const app: App
