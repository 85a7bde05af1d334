import { PabalError } from '../errors.ts'
import type { Participation, Rights, RightsOf } from '../transport/rights.ts'

/** The technologies that keep rights by user; loaded like the transports themselves. */
const loaders: Readonly<Record<string, () => Promise<RightsOf>>> = {
  amqp: async () => (await import('../transport/amqp/index.ts')).rightsOf,
  amqps: async () => (await import('../transport/amqp/index.ts')).rightsOf,
  kafka: async () => (await import('../transport/kafka/index.ts')).rightsOf,
  kafkas: async () => (await import('../transport/kafka/index.ts')).rightsOf,
}

/** The least rights that a service needs on the broker of the URL. Rejects with `UNSUPPORTED` where the technology has none of its own. */
export async function rightsFor(participation: Participation, url: string, user: string): Promise<Rights> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
  if (!Object.hasOwn(loaders, scheme))
    throw new PabalError(
      'UNSUPPORTED',
      `${scheme || 'this'}: has no users with rights of its own; there are rights for ${Object.keys(loaders).join(', ')}`,
      {
        hint: "A file's rights are those of the file system.",
      },
    )
  return (await (loaders[scheme] as () => Promise<RightsOf>)())(participation, url, user)
}
