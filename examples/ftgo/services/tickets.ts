import type { DatabaseSync } from 'node:sqlite'
import type { Handlers } from 'pabal'
import type { Kitchen } from '../contracts/kitchen.ts'

type NewTicket = Parameters<Handlers<Kitchen>['createTicket']>[0]['payload']

export interface Ticket extends NewTicket {
  readonly ticketId: string
}

/** The kitchen's tickets, one for each order. */
export class Tickets {
  static readonly table = 'CREATE TABLE IF NOT EXISTS tickets (order_id TEXT PRIMARY KEY, ticket TEXT NOT NULL, state TEXT NOT NULL)'
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** The id follows from the order's, so that creating it again changes nothing. */
  create(asked: NewTicket): string {
    const ticket: Ticket = { ...asked, ticketId: `t-${asked.orderId}` }
    this.#database.prepare("INSERT OR IGNORE INTO tickets VALUES (?, ?, 'created')").run(asked.orderId, JSON.stringify(ticket))
    return ticket.ticketId
  }

  get(orderId: string): Ticket {
    const found = this.#database.prepare('SELECT ticket FROM tickets WHERE order_id = ?').get(orderId)
    if (found === undefined) throw new Error(`There is no ticket for order ${orderId}`)
    return JSON.parse(String(found.ticket)) as Ticket
  }

  move(orderId: string, state: 'confirmed' | 'cancelled'): void {
    this.#database.prepare('UPDATE tickets SET state = ? WHERE order_id = ?').run(state, orderId)
  }
}
