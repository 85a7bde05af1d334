import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { LineFile, readLines } from './lines.ts'
import { journalPath, type Place, type ServiceName } from './place.ts'

/** Something done to the world outside: money held, a bell rung. */
export interface Effect {
  readonly effect: EffectName
  readonly orderId: string
}
export type EffectName = 'authorized' | 'reversed' | 'ticket-confirmed' | 'ticket-cancelled' | 'cook-reminded' | 'courier-booked'

/**
 * A service's effects on the world. Each is written to a journal at the moment it happens, however often it happens: nothing
 * deduplicates the journal, so it can convict.
 *
 * Messages come at least once. So a handler does an effect once for its business key: it notes that it is about to, does it, and
 * notes that it has. Where a killed process left the first note without the second, it asks the world (here: the journal) whether
 * the effect came to be, as one would ask a payment provider by the key of one's request.
 */
export class Effects {
  readonly #journal: LineFile
  readonly #database: DatabaseSync
  readonly #careless: boolean

  constructor(place: Place, service: ServiceName, database: DatabaseSync) {
    database.exec('CREATE TABLE IF NOT EXISTS effects (effect TEXT, order_id TEXT, done INTEGER NOT NULL, PRIMARY KEY (effect, order_id))')
    this.#journal = new LineFile(journalPath(place, service))
    this.#database = database
    this.#careless = place.careless
  }

  async once(effect: EffectName, orderId: string): Promise<void> {
    if (!this.#careless && this.#happened(effect, orderId)) return
    this.#note(effect, orderId, false)
    this.#journal.append({ effect, orderId, at: new Date().toISOString() })
    this.#note(effect, orderId, true)
    // The world takes its time to answer; a service that is killed now has done it and has not acknowledged the message.
    await pause(30)
  }

  #happened(effect: EffectName, orderId: string): boolean {
    const noted = this.#database.prepare('SELECT done FROM effects WHERE effect = ? AND order_id = ?').get(effect, orderId)
    if (noted === undefined) return false
    if (noted.done === 1) return true
    return readLines<Effect>(this.#journal.path).some((line) => line.effect === effect && line.orderId === orderId)
  }

  #note(effect: EffectName, orderId: string, done: boolean): void {
    this.#database.prepare('INSERT OR REPLACE INTO effects VALUES (?, ?, ?)').run(effect, orderId, done ? 1 : 0)
  }
}
