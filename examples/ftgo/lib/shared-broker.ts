import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPabalError, type Transport } from 'pabal'
import { readText } from './lines.ts'
import type { Place } from './place.ts'

/** A broker that is not the demo's own: other things are on it. */
export const isShared = (url: string): boolean => /^(amqp|kafka)s?:/i.test(url)

/** The URL with a prefix of this run, under which it makes everything. */
export function prefixed(url: string): string {
  if (!URL.canParse(url)) return url
  const address = new URL(url)
  const given = address.searchParams.get('prefix') ?? ''
  // Kafka's prefix is put before the names as it is.
  const end = /^kafka/i.test(url) ? '.' : ''
  address.searchParams.set('prefix', `${given}ftgo-${randomBytes(4).toString('hex')}${end}`)
  return address.href
}

const notesPath = (folder: string): string => join(folder, 'declared.txt')

/** What to connect to. On RabbitMQ every process notes what it declares, since nobody could list it afterwards. */
export async function target(place: Place): Promise<string | Transport> {
  if (!place.shared || !/^amqp/i.test(place.url)) return place.url
  const [{ amqp }, { noting }] = await Promise.all([import('pabal/amqp'), import('../../../scripts/services/wipe-amqp.ts')])
  return amqp({ url: place.url, driver: noting((declared) => appendFileSync(notesPath(place.folder), `${declared}\n`)) })
}

/** Deletes what the run made there. Says so where it cannot. */
export async function wipe(url: string, folder: string, say: (text: string) => void): Promise<void> {
  const address = new URL(url)
  const prefix = address.searchParams.get('prefix') ?? ''
  try {
    // Only the driver that is needed: each takes its time to load.
    if (/^kafka/i.test(url)) {
      const { wipeKafka } = await import('../../../scripts/services/wipe-kafka.ts')
      await wipeKafka(url, prefix)
    } else {
      const { wipeAmqp } = await import('../../../scripts/services/wipe-amqp.ts')
      address.search = ''
      const declared = readText(notesPath(folder)).split('\n').filter(Boolean)
      if (declared.length > 0) await wipeAmqp(address.href, declared)
    }
  } catch (error) {
    const why = isPabalError(error) ? error.code : error instanceof Error ? error.message : String(error)
    say(`What the run made under the prefix ${prefix} could not be deleted: ${why}`)
  }
}
