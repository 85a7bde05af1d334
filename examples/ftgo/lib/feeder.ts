import { setTimeout as pause } from 'node:timers/promises'
import { isPabalError, type ServiceHandle } from 'pabal'
import type { Website } from '../contracts/website.ts'
import { LineFile } from './lines.ts'
import { intentsPath, type Place } from './place.ts'
import type { Tracker } from './tracker.ts'
import type { PlacedOrder } from './world.ts'

export interface Intent {
  readonly orderId: string
}

export interface Feed {
  readonly place: Place
  readonly website: ServiceHandle<Website>
  readonly tracker: Tracker
  readonly orders: readonly PlacedOrder[]
  readonly count: number
  /** Orders a second. */
  readonly rate: number
  readonly signal: AbortSignal
}

/**
 * Places the orders at their rate. Each intent is on the disk before anything is sent: whatever the ledger names was meant, so what
 * never comes to an end was lost.
 */
export async function feed({ place, website, tracker, orders, count, rate, signal }: Feed): Promise<void> {
  const ledger = new LineFile(intentsPath(place))
  const start = performance.now()
  const sends: Promise<void>[] = []
  for (let i = 0; i < count && !signal.aborted; i++) {
    const order = numbered(orders, i)
    ledger.appendSafely({ orderId: order.id, at: new Date().toISOString() } satisfies Intent & { at: string })
    tracker.place(order.id)
    sends.push(send(website, order))
    const due = start + ((i + 1) * 1000) / rate
    if (i + 1 < count) await pause(Math.max(0, due - performance.now()), undefined, { signal }).catch(() => undefined)
  }
  await Promise.all(sends)
  ledger.close()
}

/** Beyond the end of the file it starts over, with ids of their own. */
function numbered(orders: readonly PlacedOrder[], i: number): PlacedOrder {
  const order = orders[i % orders.length] as PlacedOrder
  const round = Math.floor(i / orders.length)
  return round === 0 ? order : { ...order, id: `${order.id}-${round + 1}` }
}

/** Sends until it is safe; always under the same id, since a send that failed may have arrived. */
async function send(website: ServiceHandle<Website>, order: PlacedOrder): Promise<void> {
  const { id: orderId, consumerId, restaurantId, lines, total, deliverTo } = order
  for (let attempt = 1; ; attempt++) {
    try {
      await website.call.createOrder.send(
        { orderId, consumerId, restaurantId, lines, total, deliverTo },
        { id: `create-${orderId}`, context: { placedAt: new Date().toISOString() } },
      )
      return
    } catch (error) {
      if (!isPabalError(error) || !error.retryable || attempt === 100) throw error
      await pause(100)
    }
  }
}
