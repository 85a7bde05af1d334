import { systemRuntime } from '../../src/runtime/system.ts'
import type { World } from '../../src/testing/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'

/** A hub in this process: members are transports of it, killed and frozen by the hub. */
export function memoryWorld(): World {
  const hub = createHub({ runtime: systemRuntime })
  return {
    name: 'memory',
    member: () => hub.transport(),
    mortal: () => {
      const transport = hub.transport()
      return {
        transport,
        kill: async () => hub.crash(transport),
        freeze: async () => hub.freeze(transport),
        thaw: async () => hub.thaw(transport),
      }
    },
  }
}
