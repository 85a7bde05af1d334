import type { Runtime } from '../../src/runtime/runtime.ts'
import { systemRuntime } from '../../src/runtime/system.ts'
import { transportFrom } from '../../src/service/transports.ts'
import { hostedMember, type World } from '../../src/testing/index.ts'
import { createHub } from '../../src/transport/memory/index.ts'

/** A hub in this process: members are transports of it, killed and frozen by the hub. */
export function memoryWorld(runtime: Runtime = systemRuntime): World {
  const hub = createHub({ runtime })
  return {
    name: 'memory',
    runtime,
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

/** A file: members are transports of this process, those that are killed and stopped have processes of their own. */
export function sqliteWorld(file: string): World {
  const url = `sqlite:${file}`
  return {
    name: 'sqlite',
    // minutes of it where there is time: PABAL_OVERLOAD=120000 npm run conformance
    overload: Number(process.env.PABAL_OVERLOAD ?? (process.env.CI === undefined ? 2500 : 20_000)),
    // each member has a thread of its own, and many of them share few cores here
    patience: 20_000,
    member: () => transportFrom(url, systemRuntime),
    mortal: () => hostedMember(new URL('./sqlite-member.ts', import.meta.url), [url]),
  }
}
