import type { App } from 'pabal'
import { Consumer } from '../contracts/consumer.ts'
import { openDatabase, type Place } from '../lib/place.ts'
import { readWorld } from '../lib/world.ts'

export async function startConsumer(app: App, place: Place): Promise<void> {
  const database = openDatabase(
    place,
    'consumer',
    'CREATE TABLE IF NOT EXISTS consumers (id TEXT PRIMARY KEY, name TEXT, blocked_since TEXT)',
  )
  const put = database.prepare('INSERT OR REPLACE INTO consumers VALUES (?, ?, ?)')
  for (const { id, name, blockedSince } of readWorld(place.ordersFile).consumers) put.run(id, name, blockedSince ?? null)
  const find = database.prepare('SELECT name, blocked_since AS blockedSince FROM consumers WHERE id = ?')

  await app.serve(Consumer, {
    validateOrder: ({ payload, reply }) => {
      const found = find.get(payload.consumerId)
      if (found === undefined) return reply.ConsumerUnknown({ consumerId: payload.consumerId })
      if (found.blockedSince !== null) return reply.ConsumerBlocked({ since: String(found.blockedSince) })
      return reply.ConsumerValid({ name: String(found.name) })
    },
  })
}
