import { PabalError } from '../errors.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Transport } from '../transport/seam.ts'

/** Makes a transport for a URL. Each is loaded when its scheme is asked for, so that nobody pays for drivers that are not used. */
type Loader = (url: string, runtime: Runtime) => Promise<Transport>

const loaders: Readonly<Record<string, Loader>> = {
  amqp: async (url, runtime) => (await import('../transport/amqp/index.ts')).fromUrl(url, runtime),
  amqps: async (url, runtime) => (await import('../transport/amqp/index.ts')).fromUrl(url, runtime),
  memory: async (url, runtime) => (await import('../transport/memory/index.ts')).fromUrl(url, runtime),
  kafka: async (url, runtime) => (await import('../transport/kafka/index.ts')).fromUrl(url, runtime),
  kafkas: async (url, runtime) => (await import('../transport/kafka/index.ts')).fromUrl(url, runtime),
  sqlite: async (url, runtime) => (await import('../transport/sqlite/index.ts')).fromUrl(url, runtime),
}

/** The transport behind `sqlite:./ftgo.db`, `memory:`. Throws `UNKNOWN_TRANSPORT`, or what the transport says of its URL. */
export async function transportFrom(url: string, runtime: Runtime): Promise<Transport> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const known = Object.keys(loaders)
    .map((name) => `${name}:`)
    .join(', ')
  if (scheme === undefined || !Object.hasOwn(loaders, scheme)) {
    const given = scheme === undefined ? `${JSON.stringify(url.slice(0, 80))} has no scheme` : `no transport answers to "${scheme}:"`
    throw new PabalError('UNKNOWN_TRANSPORT', `connect: ${given}; known are ${known}`)
  }
  return await (loaders[scheme] as Loader)(url, runtime)
}
