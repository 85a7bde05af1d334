import type { DatabaseSync } from 'node:sqlite'
import type { Handlers } from 'pabal'
import type { Order } from '../contracts/order.ts'

export type NewOrder = Parameters<Handlers<Order>['createOrder']>[0]['payload']
/** `refused`: at the first look, before anybody did anything. `rejected`: later, after everything done for it was undone. */
export type State = 'pending' | 'refused' | 'compensating' | 'approved' | 'rejected'

export interface Stored {
  readonly order: NewOrder
  readonly state: State
  readonly reason: string | undefined
}

/** The order service's own records. */
export class Orders {
  static readonly table = 'CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, details TEXT NOT NULL, state TEXT NOT NULL, reason TEXT)'
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  find(id: string): Stored | undefined {
    const row = this.#database.prepare('SELECT details, state, reason FROM orders WHERE id = ?').get(id)
    if (row === undefined) return undefined
    return {
      order: JSON.parse(String(row.details)) as NewOrder,
      state: row.state as State,
      reason: row.reason === null ? undefined : String(row.reason),
    }
  }

  get(id: string): Stored {
    const found = this.find(id)
    if (found === undefined) throw new Error(`There is no order ${id}`)
    return found
  }

  /** Does nothing where the order is there already: what was decided stays decided. */
  add(order: NewOrder, refused: string | undefined): void {
    this.#database
      .prepare('INSERT OR IGNORE INTO orders VALUES (?, ?, ?, ?)')
      .run(order.orderId, JSON.stringify(order), refused === undefined ? 'pending' : 'refused', refused ?? null)
  }

  /** An order that came to its end stays there, whatever is redelivered. */
  move(id: string, state: State, reason?: string): void {
    this.#database
      .prepare(
        "UPDATE orders SET state = ?, reason = coalesce(?, reason) WHERE id = ? AND state NOT IN ('approved', 'refused', 'rejected')",
      )
      .run(state, reason ?? null, id)
  }
}
