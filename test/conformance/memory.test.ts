import { describe, test } from 'vitest'
import { systemRuntime } from '../../src/runtime/system.ts'
import { conformance } from '../../src/testing/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'

const hub = createHub({ runtime: systemRuntime })

describe.concurrent('memory', () => {
  const world = {
    name: 'memory',
    member: () => hub.transport(),
    mortal: () => {
      const transport = hub.transport()
      return { transport, kill: async () => hub.crash(transport), freeze: async () => hub.freeze(transport), thaw: async () => hub.thaw(transport) }
    },
  }
  for (const scenario of conformance(world)) test(scenario.name, { timeout: scenario.timeout }, () => scenario.run())
})
