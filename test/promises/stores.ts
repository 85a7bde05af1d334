import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type App, type ConnectOptions, connect, type Transport } from '../../src/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'
import { sqlite } from '../../src/transport/sqlite/index.ts'

/** One store with several members on it, as several processes would be; everything is closed at the end of the test. */
export interface Store {
  app(options?: ConnectOptions): Promise<App>
  /** A bare, opened transport: what any other client of the store would be. */
  wire(): Promise<Transport>
}

/** What a promise is tried on. A member of its own for each app. */
export const stores: readonly (readonly [name: string, make: (size?: 'small') => Store])[] = [
  [
    'memory:',
    (size) => {
      const hub = createHub(size === 'small' ? { maxMessages: 50 } : {})
      return storeOf(() => hub.transport())
    },
  ],
  [
    'sqlite:',
    (size) => {
      const folder = mkdtempSync(join(tmpdir(), 'pabal-promise-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      return storeOf(() => sqlite({ file: join(folder, 'store.db'), ...(size === 'small' && { maxSize: 512 * 1024 }) }))
    },
  ],
]

function storeOf(member: () => Transport): Store {
  return {
    async app(options = {}) {
      const app = await connect(member(), { logger: false, drain: 500, ...options })
      onTestFinished(() => app.close().catch(() => undefined))
      return app
    },
    async wire() {
      const transport = member()
      await transport.open(() => {})
      onTestFinished(() => transport.close())
      return transport
    },
  }
}
