import type { App } from 'pabal'
import type { Place, ServiceName } from '../lib/place.ts'
import { startAccounting } from './accounting.ts'
import { startConsumer } from './consumer.ts'
import { startDelivery } from './delivery.ts'
import { startHistory } from './history.ts'
import { startKitchen } from './kitchen.ts'
import { startOrder } from './order.ts'

/** What starts each service on a connection. */
export const starters: Readonly<Record<ServiceName, (app: App, place: Place) => Promise<void>>> = {
  order: startOrder,
  kitchen: startKitchen,
  consumer: startConsumer,
  accounting: startAccounting,
  delivery: startDelivery,
  history: startHistory,
}
