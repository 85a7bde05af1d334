import type { App } from 'pabal'
import { Accounting } from '../contracts/accounting.ts'
import { Effects } from '../lib/effects.ts'
import { cents } from '../lib/money.ts'
import { openDatabase, type Place } from '../lib/place.ts'
import { readWorld } from '../lib/world.ts'

export async function startAccounting(app: App, place: Place): Promise<void> {
  const database = openDatabase(
    place,
    'accounting',
    'CREATE TABLE IF NOT EXISTS accounts (consumer_id TEXT PRIMARY KEY, card_limit TEXT NOT NULL, disabled INTEGER NOT NULL)',
  )
  const put = database.prepare('INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)')
  for (const { id, card, accountDisabled } of readWorld(place.ordersFile).consumers) put.run(id, card.limit, accountDisabled ? 1 : 0)
  const find = database.prepare('SELECT card_limit AS cardLimit, disabled FROM accounts WHERE consumer_id = ?')
  const effects = new Effects(place, 'accounting', database)

  await app.serve(Accounting, {
    authorize: async ({ payload: { orderId, consumerId, amount }, reply }) => {
      const account = find.get(consumerId)
      if (account === undefined || account.disabled === 1) return reply.AccountDisabled({ consumerId })
      const limit = String(account.cardLimit)
      if (cents(amount) > cents(limit)) return reply.CardDeclined({ limit })
      await effects.once('authorized', orderId)
      return reply.Authorized({ authorizationId: `a-${orderId}` })
    },

    reverseAuthorization: async ({ payload: { orderId }, reply }) => {
      await effects.once('reversed', orderId)
      return reply.AuthorizationReversed({ orderId })
    },
  })
}
