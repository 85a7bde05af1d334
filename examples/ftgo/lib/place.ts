import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What every process of the demo is told. */
export interface Place {
  /** Where messages travel. */
  readonly url: string
  /** Other things are there too: what the run makes is noted, and deleted at its end. */
  readonly shared?: boolean | undefined
  /** Holds each service's database and journal, and the ledger. */
  readonly folder: string
  readonly ordersFile: string
  /** `--break idempotency`: handlers do again what they have done already. */
  readonly careless: boolean
}

export const serviceNames = ['order', 'kitchen', 'consumer', 'accounting', 'delivery', 'history'] as const
export type ServiceName = (typeof serviceNames)[number]

/** A service's own database; nobody else writes to it. */
export function openDatabase(place: Place, service: ServiceName, tables: string): DatabaseSync {
  const database = new DatabaseSync(databasePath(place, service))
  database.exec(`PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; ${tables}`)
  return database
}

export const databasePath = (place: Place, service: ServiceName): string => join(place.folder, `${service}.db`)
export const journalPath = (place: Place, service: ServiceName): string => join(place.folder, `${service}.journal.jsonl`)
export const countsPath = (place: Place, service: string): string => join(place.folder, `${service}.handled.jsonl`)
export const intentsPath = (place: Place): string => join(place.folder, 'intents.jsonl')
