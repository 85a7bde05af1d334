import { systemRuntime } from '../../src/runtime/system.ts'
import { transportFrom } from '../../src/service/transports.ts'
import { hostedMember, type World } from '../../src/testing/index.ts'
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

/** A file: members are transports of this process, those that are killed and stopped have processes of their own. */
export function sqliteWorld(file: string): World {
  const url = `sqlite:${file}`
  return {
    name: 'sqlite',
    // each member has a thread of its own, and many of them share few cores here
    patience: 20_000,
    member: () => transportFrom(url, systemRuntime),
    mortal: () => hostedMember(new URL('./sqlite-member.ts', import.meta.url), [url]),
  }
}
