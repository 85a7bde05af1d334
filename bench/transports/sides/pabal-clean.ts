import type { AmqpDriver } from 'pabal/amqp'
import { noting as notingTo, wipeAmqp } from '../../../scripts/services/wipe-amqp.ts'

export { wipeKafka as cleanKafka } from '../../../scripts/services/wipe-kafka.ts'

/** What was declared under a prefix. */
const declared = new Map<string, Set<string>>()

/** The driver, which notes what is declared. */
export function noting(prefix: string): AmqpDriver {
  const names = declared.get(prefix) ?? new Set<string>()
  declared.set(prefix, names)
  return notingTo((name) => names.add(name))
}

/** Deletes what this process declared under the prefix. */
export async function cleanAmqp(url: string, prefix: string): Promise<void> {
  await wipeAmqp(url, declared.get(prefix) ?? [])
  declared.delete(prefix)
}
