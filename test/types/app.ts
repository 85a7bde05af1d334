import type { App } from '../../src/service/app.ts'

/** What `connect` resolves to, for tests of types alone: nothing runs. */
export declare const app: App
