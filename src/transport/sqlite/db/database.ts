import { resolve } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { PabalError } from '../../../errors.ts'
import { systemRuntime } from '../../../runtime/system.ts'
import { checkPlace, explain, identityOf, isBusy } from './faults.ts'
import { create, shardsOf } from './schema.ts'

export interface DatabaseOptions {
  readonly file: string
  /** Sends are refused beyond it; a quarter more is kept for settling, parking and taking over. */
  readonly maxSize: number
  readonly shards: number
  /** How long another process may hold the write lock before it is said, in milliseconds. */
  readonly busyAfter: number
  /** Passes a fault point. */
  point(name: string): void
  trace?: ((event: { what: 'begin' | 'commit'; synced?: boolean; durable?: boolean }) => void) | undefined
}

const pause = new Int32Array(new SharedArrayBuffer(4))
/** The least that is kept beyond `maxSize`, in bytes: a small store must hold what a dead consumer had in its hands. */
const leastReserve = 1024 * 1024
/** How long a request still tries where others waited all their time for the same lock, in milliseconds. */
const lastTries = 100
/** Free pages that are kept for the next messages, and the most that are given back at a time. */
const keptPages = 512
const mostPages = 4096
/** SQLite's own limit of pages. */
const unlimited = 4294967294

const newIdentity = (): number => Math.floor(systemRuntime.random() * 2 ** 48)

/** The connection: transactions with or without a sync, statements prepared once. Lives in the worker. */
export class Database {
  readonly #db: DatabaseSync
  readonly path: string
  readonly #options: DatabaseOptions
  readonly #statements = new Map<string, StatementSync>()
  readonly #identity: string | undefined
  readonly shards: number
  #pageSize = 4096
  #mostPages = 0
  #syncing = true
  /** Since when the write lock was never free. */
  #busySince: number | undefined

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.path = resolve(options.file)
    checkPlace(this.path)
    try {
      this.#db = new DatabaseSync(this.path)
      this.shards = this.#retry(() => this.#prepare())
    } catch (error) {
      throw explain(error, this.path)
    }
    this.#identity = identityOf(this.path)
  }

  /** Simultaneous first openings get BUSY from the change to WAL whatever the timeout: it is tried again. */
  #prepare(): number {
    const db = this.#db
    // What is not ours is not even turned to WAL.
    const found = this.#within('BEGIN', () => shardsOf(db, this.path))
    const { journal_mode: mode } = db.prepare('PRAGMA journal_mode').get() as { journal_mode: string }
    if (mode !== 'wal') {
      db.exec('PRAGMA auto_vacuum = INCREMENTAL')
      db.exec('PRAGMA journal_mode = WAL')
    }
    const { page_size: page } = db.prepare('PRAGMA page_size').get() as { page_size: number }
    const { maxSize } = this.#options
    this.#pageSize = page
    this.#mostPages = Math.ceil((maxSize + Math.max(leastReserve, maxSize / 4)) / page)
    db.exec(
      `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384; PRAGMA max_page_count = ${this.#mostPages}`,
    )
    if (found !== undefined) return found
    // Another process may have been first.
    return this.#within('BEGIN IMMEDIATE', () => shardsOf(db, this.path) ?? create(db, this.#options.shards, newIdentity()))
  }

  /** What is looked at is of one moment: others may be making the tables. */
  #within<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.#db.exec(begin)
    try {
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  #rollBack(): void {
    if (this.#db.isTransaction === false) return
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself
    }
  }

  /** A statement, prepared once. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) this.#statements.set(text, (statement = this.#db.prepare(text)))
    return statement
  }

  /**
   * Runs `work` in a transaction. `durable`: it is synced to disk before this returns. Otherwise it survives the death of the
   * process, and a power cut may undo it: for what is then only repeated. Throws errors in Pabal's words; nothing is stored then.
   */
  write<T>(durable: boolean, work: () => T): T {
    const { point, trace } = this.#options
    try {
      if (durable !== this.#syncing) {
        this.#db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
        this.#syncing = durable
      }
      this.#retry(() => this.#db.exec('BEGIN IMMEDIATE'))
      trace?.({ what: 'begin' })
      let result: T
      try {
        result = work()
        point('transport.commit.before')
        // Writes into a deleted or replaced file succeed into nothing.
        if (durable) this.checkPresence()
        this.#retry(() => this.#db.exec('COMMIT'))
      } catch (error) {
        this.#rollBack()
        throw error
      }
      point('transport.commit.after')
      if (durable) point('transport.sync.after')
      if (trace)
        trace({
          what: 'commit',
          durable,
          synced: (this.#db.prepare('PRAGMA synchronous').get() as { synchronous: number }).synchronous >= 2,
        })
      return result
    } catch (error) {
      throw explain(error, this.path)
    }
  }

  read<T>(work: () => T): T {
    try {
      return this.#retry(work)
    } catch (error) {
      throw explain(error, this.path)
    }
  }

  /** Throws `STORE_REPLACED` where the path leads to another file, or to none. */
  checkPresence(): void {
    if (identityOf(this.path) !== this.#identity)
      throw new PabalError('STORE_REPLACED', `${this.path} was deleted or replaced while it was open; nothing was stored`)
  }

  /** Throws `STORE_FULL` where `bytes` more would exceed the limit for sends. Within a transaction. */
  checkRoom(bytes: number): void {
    const used = this.#count('page_count') - this.#count('freelist_count')
    const { maxSize } = this.#options
    if (used * this.#pageSize + bytes > maxSize)
      throw new PabalError(
        'STORE_FULL',
        `${this.path}: it holds ${used * this.#pageSize} of at most ${maxSize} bytes, and ${bytes} more were to be stored; nothing was`,
      )
  }

  /** Runs `work` without a limit: for what makes room as soon as it is done. */
  beyond<T>(work: () => T): T {
    this.#db.exec(`PRAGMA max_page_count = ${unlimited}`)
    try {
      return work()
    } finally {
      this.#db.exec(`PRAGMA max_page_count = ${this.#mostPages}`)
    }
  }

  #count(what: 'page_count' | 'freelist_count'): number {
    return (this.sql(`PRAGMA ${what}`).get() as Record<string, number>)[what] as number
  }

  /** SQLite's own waiting is unfair and coarse: short, random pauses instead. */
  #retry<T>(work: () => T): T {
    const { busyAfter } = this.#options
    let until: number | undefined
    for (;;) {
      try {
        const result = work()
        this.#busySince = undefined
        return result
      } catch (error) {
        if (!isBusy(error)) throw error
        const now = systemRuntime.monotonic()
        this.#busySince ??= now
        // Requests that queued behind one that waited in vain do not each wait as long again.
        until ??= Math.max(this.#busySince + busyAfter, now + Math.min(lastTries, busyAfter))
        if (now >= until)
          throw new PabalError(
            'STORE_BUSY',
            `${this.path}: another process has held the write lock for ${((now - this.#busySince) / 1000).toFixed(1)} s`,
            { cause: error },
          )
        Atomics.wait(pause, 0, 0, 0.1 + systemRuntime.random() * 0.9)
      }
    }
  }

  /** A number of this store's own. One of version 1.0 has none: it gets one. */
  identity(): number {
    const find = () => (this.sql("SELECT value FROM meta WHERE name = 'identity'").get() as { value: number } | undefined)?.value
    return (
      this.read(find) ??
      this.write(true, () => {
        this.sql("INSERT OR IGNORE INTO meta VALUES ('identity', ?)").run(newIdentity())
        return find() as number
      })
    )
  }

  /** Gives free pages back to the file system, some at a time. */
  shrink(): void {
    const free = this.#count('freelist_count')
    if (free <= keptPages) return
    const pages = Math.min(mostPages, Math.max(keptPages, free >> 2))
    this.write(false, () => void this.#db.prepare(`PRAGMA incremental_vacuum(${pages})`).all())
    // Only a checkpoint makes the file smaller.
    this.sql('PRAGMA wal_checkpoint(PASSIVE)').all()
  }

  /** Rises when another process has committed. */
  version(): number {
    return (this.sql('PRAGMA data_version').get() as { data_version: number }).data_version
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }
}
